"""The gate over any sequence of builds of a package: what comes to be published, in which order, and what never does.

The package is built for two chroots that share what is made, as a noarch package is. Whoever asks, asks for what the
sources are at that moment; a source job may take so long that a later build overtakes it. Only one build at a time is
at the gate or being published, which is the scheduler's promise.
"""

from collections.abc import Callable
from typing import NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from builder import nevra
from builder.master.decisions.order import Built, last_built
from builder.model.package import Style
from builder.runner import gate

CHROOTS = (frozenset({"fedora-43-x86_64"}), frozenset({"fedora-43-x86_64", "fedora-43-aarch64"}))


class Sources(NamedTuple):
    """What a build is made from: `day` is that of the commit, `release` stands before `dist` and `more` behind it."""

    number: int
    day: int
    version: str
    release: str
    dist: str
    more: str

    @property
    def inputs(self) -> str:
        return f"{self.number:064}"


class Asked(NamedTuple):
    """A build that somebody asked for, whose source job is at work."""

    build: int
    sources: Sources
    force: bool


class Builds(RuleBasedStateMachine):
    """One package of one style."""

    style = Style.RELEASE

    def __init__(self) -> None:
        super().__init__()
        self.sources = [Sources(0, 1, "1.0", "1", ".fc43", "")]
        self.current = self.sources[0]
        self.asked: list[Asked] = []
        self.builds = 0
        self.chroots = CHROOTS[0]
        self.publishing: tuple[Built, bool] | None = None
        self.published: list[tuple[Built, bool]] = []

    @rule(
        day=st.integers(0, 1),
        version=st.sampled_from(["1.0~rc1", "1.0", "1.0^git1", "1.1", "1:0.9", "1:1.0"]),
        release=st.sampled_from(["1", "01", "2"]),
        dist=st.sampled_from([".fc43", ".fc43", ""]),
        more=st.sampled_from(["", ".1", ".2"]),
    )
    def commit(self, day: int, version: str, release: str, dist: str, more: str) -> None:
        """Somebody changes the sources, on the day of the last change or later."""
        last = max(one.day for one in self.sources)
        self.current = Sources(len(self.sources), last + day, version, release, dist, more)
        self.sources.append(self.current)

    @rule(back=st.integers(0, 5))
    def go_back(self, back: int) -> None:
        """The branch leads to an earlier commit."""
        self.current = self.sources[-1 - back % len(self.sources)]

    @precondition(lambda self: len(self.chroots) == 1)
    @rule()
    def add_chroot(self) -> None:
        """The project gets one more architecture."""
        self.chroots = CHROOTS[1]

    @rule(force=st.booleans())
    def ask(self, force: bool) -> None:
        """Somebody asks for a build of what the sources are now."""
        self.builds += 1
        self.asked.append(Asked(self.builds, self.current, force))

    @precondition(lambda self: self.asked and self.publishing is None)
    @rule(which=st.integers(0, 3))
    def decide(self, which: int) -> None:
        """One of the builds that were asked for comes to the gate; it need not be the oldest."""
        asked = self.asked.pop(min(which, len(self.asked) - 1))
        built = [one for one, _ in reversed(self.published)]
        last = last_built(built, asked.sources.inputs, self.chroots, force=asked.force)
        verdict = gate.decide(self.style, self.evr_of(asked), asked.sources.inputs, last, force=asked.force)
        if isinstance(verdict, gate.Build):
            assert verdict.evr == self.evr_of(asked)(verdict.serial)
            one = Built(verdict.evr, verdict.serial, asked.sources.inputs, self.chroots)
            self.check(one, forced=asked.force)
            self.publishing = one, asked.force
        else:
            assert last is not None, "what was never built is built"

    @precondition(lambda self: self.publishing)
    @rule(well=st.sampled_from([True, True, False]))
    def publish(self, well: bool) -> None:
        """The repository builder takes it, or does not, after which it never was."""
        assert self.publishing
        if well:
            self.published.append(self.publishing)
        self.publishing = None

    @precondition(lambda self: self.publishing is None)
    @rule(force=st.sampled_from([False, False, True]))
    def build(self, force: bool) -> None:
        """A build goes its whole way before anything else happens, as most do."""
        self.ask(force)
        self.decide(len(self.asked) - 1)
        if self.publishing:
            self.publish(well=True)

    def evr_of(self, asked: Asked) -> Callable[[int], str]:
        """What the spec evaluates to, by the serial behind `%dist`."""
        own = asked.sources
        checkout = f"202611{own.day:02}.{asked.build}git{own.inputs[-7:]}"
        release = checkout if self.style is Style.CI and own.release != "01" else own.release

        def evr(serial: int) -> str:
            tail = f".{serial}" if serial and own.dist else ""
            return f"{own.version}-{release}{own.dist}{tail}{own.more}"

        return evr

    def check(self, one: Built, *, forced: bool) -> None:
        """Nothing has its EVR; and unforced it goes up, and is made of what nothing was made of for these chroots."""
        for there, _ in self.published:
            assert nevra.compare(one.evr, there.evr) != 0, f"{one.evr} is there already"
            if not forced:
                assert nevra.compare(one.evr, there.evr) > 0, f"{one.evr} after {there.evr}"
                assert one.inputs != there.inputs or one.chroots > there.chroots, f"{one.inputs} was built already"

    @invariant()
    def every_evr_is_of_one_build(self) -> None:
        """Whatever happened."""
        evrs = [one.evr for one, _ in self.published]
        assert len(set(evrs)) == len(evrs)


class ReleaseBuilds(Builds):
    style = Style.RELEASE


class CiBuilds(Builds):
    """Some of whose specs forget `%{_checkout}`."""

    style = Style.CI


ReleaseBuilds.TestCase.settings = CiBuilds.TestCase.settings = settings(max_examples=60, stateful_step_count=25)
TestReleaseBuilds = ReleaseBuilds.TestCase
TestCiBuilds = CiBuilds.TestCase
