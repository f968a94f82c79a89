"""Batches: builds that begin in the order in which their packages need each other."""

from typing import Any

import pytest
from typing_extensions import override

from builder.errors import ConflictError, InvalidError, NotFoundError
from builder.model.artifact import ArtifactKind
from builder.model.attempt import AttemptState, Outcome, SourceFacts
from builder.model.batch import BatchRequest, Plan
from builder.model.build import BuildState
from builder.model.dependencies import Dependencies
from builder.model.job import SOURCE, Job
from builder.model.operation import Publish
from builder.model.work import WorkOrder
from builder.wire import Rejected
from tests.support.headless import ARM, X86, MasterCase
from tests.support.people import ADA
from tests.support.scripted import FACTS, artifact, dependencies
from tests.support.store import answer

CHAIN = """\
project: chain
chroots: [fedora-43-x86_64]
packages:
  lib:
    style: ci
    upstream: {git: https://git.example.org/lib.git}
    packaging: {git: https://git.example.org/lib-rpm.git}
  tool:
    style: release
    packaging: {git: https://git.example.org/tool-rpm.git}
  app:
    style: release
    packaging: {git: https://git.example.org/app-rpm.git}
  other:
    style: release
    channel: release
    packaging: {git: https://git.example.org/other-rpm.git}
"""
WIDE = """\
project: wide
chroots: [fedora-43-x86_64, fedora-43-aarch64]
packages:
  text:
    style: release
    packaging: {git: https://git.example.org/text-rpm.git}
  reader:
    style: release
    packaging: {git: https://git.example.org/reader-rpm.git}
"""
NEEDED = {"lib": "", "tool": "lib-devel", "app": "tool(x86-64) make", "other": "make"}
"""What each package of the chain requires; each provides its own name, and what begins with it as well."""
FAILED = Outcome(state=AttemptState.FAILED, reason="%build: cc failed")


def found(package: str, requires: str | None = None) -> Dependencies:
    """What the sources of a package say."""
    required = NEEDED[package] if requires is None else requires
    provided = (package, f"{package}-devel", f"{package}(x86-64)")
    return Dependencies(requires=tuple(required.split()), provides=provided)


class BatchCase(MasterCase):
    """A chain of packages and one that has nothing to do with it, and a slave with room for all of them."""

    @override
    def setUp(self) -> None:
        super().setUp()
        answer(self.master.farm.definitions.apply(CHAIN, dry_run=False, visitor=ADA))
        self.repo.apply(self.repo.operations[-1])
        self.worker = self.slave("a", capacity=20, architectures=("x86_64",))

    def request(self, *packages: str, **more: Any) -> tuple[int, ...]:
        """Somebody asks for a batch; returns the numbers of its builds."""
        made = answer(self.master.farm.batches.request(BatchRequest(packages=packages, **more), ADA))
        self.master.flush()
        return tuple(build.number for build in made)

    def plan(self, *packages: str, **more: Any) -> Plan:
        """Somebody asks what would become of one."""
        return answer(self.master.farm.batches.plan(BatchRequest(packages=packages, **more), ADA))

    def order(self, number: int, job: str = X86) -> WorkOrder:
        """The newest order about a job."""
        return [one for one in self.worker.orders if (one.build, one.job) == (number, job)][-1]

    def source(self, number: int, requires: str | None = None, facts: SourceFacts | None = None) -> None:
        """The slave makes the sources of a build."""
        order = self.order(number, SOURCE)
        more = {} if facts is None else {"facts": facts}
        self.worker.make_source(order, found=found(order.work.package, requires), **more)

    def publish(self, number: int, job: str = X86) -> None:
        """The repository builder publishes what a job has made."""
        for operation in self.repo.operations:
            match operation.operation:
                case Publish(build=build, job=name) if (build, name) == (number, job):
                    self.repo.apply(operation, "lib-1.0-1.fc43.x86_64")
        self.master.flush()

    def make(self, number: int) -> None:
        """The slave builds, and it is published."""
        self.worker.make_package(self.order(number))
        self.publish(number)

    def break_down(self, number: int, job: str = X86) -> None:
        """The slave's build fails."""
        answer(self.worker.finish(self.order(number, job), FAILED))
        self.master.flush()

    def states(self, *numbers: int, job: str = X86) -> list[str]:
        """How far the chroot jobs of builds are."""
        return [self.master.job(number, job).state.value for number in numbers]

    def job(self, number: int) -> Job:
        """A chroot job as people see it."""
        return self.master.job(number, X86)

    def built(self, *packages: str) -> None:
        """Build packages by themselves, one after the other, so that something is known of them."""
        for package in packages:
            number = self.master.build(package)
            self.source(number)
            self.make(number)


class OrderTest(BatchCase):
    """Who waits for whom."""

    def test_waves(self) -> None:
        """Sources are made at once; a job begins as soon as what it needs is published, and not before."""
        app, tool, lib, other = self.request("app", "tool", "lib", "other")
        assert [order.job for order in self.worker.orders] == [SOURCE] * 4
        for number in (app, tool, lib):
            self.source(number)
        assert self.states(app, tool, lib, other) == ["waiting"] * 4
        assert self.job(lib).reason == "waits until the sources of its batch are there"
        self.source(other)
        assert self.states(app, tool, lib, other) == ["waiting", "waiting", "running", "running"]
        assert self.job(tool).reason == f"waits for lib (build {lib})"
        assert self.job(app).reason == f"waits for tool (build {tool})"
        self.worker.make_package(self.order(lib))
        assert self.states(tool, lib) == ["waiting", "publishing"]
        self.publish(lib)
        assert self.states(app, tool, lib) == ["waiting", "running", "succeeded"]
        self.make(tool)
        assert self.states(app, other) == ["running", "running"]
        self.make(app)
        assert {self.master.show(number).state for number in (app, tool, lib)} == {BuildState.SUCCEEDED}
        assert {self.master.show(number).batch for number in (app, tool, lib, other)} == {app}

    def test_a_failure_stops_what_needs_it(self) -> None:
        """Directly and indirectly, with the reason; the rest goes on."""
        lib, tool, app, other = self.request("lib", "tool", "app", "other")
        for number in (lib, tool, app, other):
            self.source(number)
        self.break_down(lib)
        assert self.states(lib, tool, app, other) == ["failed", "cancelled", "cancelled", "running"]
        assert self.job(app).reason == self.job(tool).reason == f"lib (build {lib}) failed, which this needs"
        assert self.master.show(app).finished is not None
        self.make(other)

    def test_a_source_that_fails_stops_what_needs_it(self) -> None:
        """It is known by its earlier builds what others need of it; of a new one, its name tells the most."""
        lib, tool, other = self.request("lib", "tool", "other")
        self.source(tool)
        self.source(other)
        self.break_down(lib, SOURCE)
        assert self.states(lib, tool, other) == ["cancelled", "cancelled", "running"]
        assert self.job(tool).reason == f"lib (build {lib}) failed, which this needs"

    def test_a_cancel_stops_what_needs_it(self) -> None:
        """Whether its sources are there yet or not."""
        for sources in (True, False):
            with self.subTest(sources=sources):
                lib, tool, other = self.request("lib", "tool", "other")
                for number in (tool, other, lib) if sources else (tool, other):
                    self.source(number)
                self.master.cancel(lib)
                assert self.states(lib, tool, other) == ["cancelled", "cancelled", "running"]
                assert self.job(tool).reason == f"lib (build {lib}) was cancelled, which this needs"
                self.make(other)

    def test_a_cancelled_job_that_waits(self) -> None:
        """It ends at once; what it waited for goes on."""
        lib, tool, app = self.request("lib", "tool", "app")
        for number in (lib, tool, app):
            self.source(number)
        self.master.cancel(tool, X86)
        assert self.states(lib, tool, app) == ["running", "cancelled", "cancelled"]
        self.make(lib)
        assert self.states(lib, tool, app) == ["succeeded", "cancelled", "cancelled"]

    def test_what_is_not_published_has_failed(self) -> None:
        """A job that the repository builder rejects stops what needs it."""
        lib, tool = self.request("lib", "tool")
        self.source(lib)
        self.source(tool)
        self.worker.make_package(self.order(lib))
        answer(self.repo.ask(Rejected(number=self.repo.operations[-1].number, reason="the disk is full")))
        assert self.states(lib, tool) == ["failed", "cancelled"]

    def test_a_skipped_job_is_a_success(self) -> None:
        """Where nothing is newer, what is published already will do: by the gate, or by the spec."""
        lib, tool = self.request("lib", "tool")
        self.source(lib)
        self.source(tool)
        answer(self.worker.finish(self.order(lib), Outcome(state=AttemptState.SKIPPED, reason="not newer")))
        self.master.flush()
        assert self.states(lib, tool) == ["skipped", "running"]
        lib, tool = self.request("lib", "tool")
        self.source(tool)
        self.source(lib, facts=SourceFacts(evr="1.0-1", inputs="1" * 64, commits=(), exclude_arch=("x86_64",)))
        assert self.states(lib, tool) == ["skipped", "queued"]

    def test_what_a_skipped_job_would_need_is_not_needed(self) -> None:
        """Nobody has to wait, or to end, because of something that is not built at all."""
        lib, tool, app = self.request("lib", "tool", "app")
        self.source(app)
        self.source(tool, facts=SourceFacts(evr="1.0-1", inputs="1" * 64, commits=(), exclude_arch=("x86_64",)))
        self.break_down(lib, SOURCE)
        assert self.states(lib, tool, app) == ["cancelled", "skipped", "running"]

    def test_a_cycle_that_the_sources_show(self) -> None:
        """All that is in it or needs it ends with its name; the rest goes on."""
        lib, tool, app, other = self.request("lib", "tool", "app", "other")
        self.source(lib, requires="tool")
        for number in (tool, app, other):
            self.source(number)
        assert self.states(lib, tool, app, other) == ["cancelled"] * 3 + ["running"]
        reason = "lib → tool → lib need each other: build one of them by itself first"
        assert {self.job(number).reason for number in (lib, tool, app)} == {reason}

    def test_a_restart_loses_nothing(self) -> None:
        """Whatever was waited for, it is waited for in the master's next life too."""
        lib, tool = self.request("lib", "tool")
        self.source(tool)
        orders = [self.order(lib, SOURCE)]
        self.master.restart()
        self.again(self.worker, *orders)
        self.source(lib)
        assert self.states(lib, tool) == ["running", "waiting"]
        self.master.restart()
        self.again(self.worker, self.order(lib))
        self.master.connect(self.repo)
        answer(self.repo.hello())
        assert self.job(tool).reason == f"waits for lib (build {lib})"
        self.make(lib)
        assert self.states(lib, tool) == ["succeeded", "running"]

    def test_a_broken_attempt_stops_nothing(self) -> None:
        """It is tried again, and what needs it waits on."""
        lib, tool = self.request("lib", "tool")
        self.source(lib)
        self.source(tool)
        answer(self.worker.finish(self.order(lib), Outcome(state=AttemptState.BROKEN, reason="the disk is full")))
        self.master.flush()
        assert self.states(tool) == ["waiting"]

    def test_noarch_is_waited_for_where_it_is_published(self) -> None:
        """A job waits for the one that makes a noarch package for its chroot too."""
        answer(self.master.farm.definitions.apply(WIDE, dry_run=False, visitor=ADA))
        self.repo.apply(self.repo.operations[-1])
        text, reader = self.request("text", "reader")
        arm = self.slave("arm", capacity=20, architectures=("aarch64",))
        noarch = SourceFacts(evr="1.0-1", inputs="1" * 64, commits=(), build_arch=("noarch",))
        self.worker.make_source(self.order(reader, SOURCE), found=Dependencies(requires=("text",)))
        self.worker.make_source(self.order(text, SOURCE), noarch, Dependencies(provides=("text",)))
        assert self.states(text, reader, job=ARM) == ["skipped", "waiting"]
        assert self.states(text, reader) == ["running", "waiting"]
        assert arm.orders == []
        self.make(text)
        assert self.states(reader) == self.states(reader, job=ARM) == ["running"]

    def test_later_requests_do_not_take_the_place_of_a_batch(self) -> None:
        """Others wait for its builds: a newer one comes in addition, while older ones make room as ever."""
        self.worker.cut()
        before = self.master.build("lib")
        lib, _ = self.request("lib", "tool")
        after = self.master.build("lib")
        assert self.master.job(before, SOURCE).reason == f"superseded by build {lib}"
        assert [self.master.job(number, SOURCE).state.value for number in (lib, after)] == ["queued", "queued"]


class RequestTest(BatchCase):
    """What may be asked for."""

    def test_every_mistake_is_named_and_nothing_begun(self) -> None:
        """One request, one transaction: all or none."""
        with pytest.raises(InvalidError) as caught:
            self.request("lib", "libb", "tool", "nothing", chroots=(X86, ARM))
        assert caught.value.mistakes == (
            f"the package `lib` is not built for `{ARM}`; did you mean `{X86}`?",
            "there is no package `libb`; did you mean `lib`?",
            f"the package `tool` is not built for `{ARM}`; did you mean `{X86}`?",
            "there is no package `nothing`; there is `app`, `both`, `hello`, `lib`, `other`, `tool`",
        )
        assert answer(self.master.farm.builds.listing()) == ()

    def test_one_way_to_choose(self) -> None:
        """Names, a channel, or everything."""
        for request in ({}, {"everything": True, "channel": "release"}):
            with pytest.raises(InvalidError):
                self.request(**request)
        with pytest.raises(InvalidError):
            self.request("lib", everything=True)

    def test_everything_and_channels(self) -> None:
        """Of one project, or of all; what is not built for a chroot is left out."""
        assert len(self.request(everything=True)) == 6
        assert len(self.request(everything=True, project="chain")) == 4
        assert len(self.request(everything=True, chroots=(ARM,))) == 1
        (number,) = self.request(channel="release")
        assert self.master.show(number).package == "other"
        with pytest.raises(NotFoundError) as caught:
            self.request(channel="image", project="chain", chroots=(ARM,))
        assert str(caught.value) == (
            f"there is no package with the channel `image` in the project `chain` for {ARM}; "
            "`builder package list` shows those there are"
        )
        with pytest.raises(NotFoundError):
            self.request(everything=True, project="chains")

    def test_a_name_twice_is_one_build(self) -> None:
        """Nobody means two."""
        assert len(self.request("lib", "tool", "lib")) == 2

    def test_a_known_cycle_is_refused(self) -> None:
        """It is named before anything begins."""
        for package, requires in (("lib", "tool"), ("tool", "lib-devel")):
            number = self.master.build(package)
            self.source(number, requires=requires)
            self.make(number)
        with pytest.raises(ConflictError) as caught:
            self.request("app", "tool", "lib")
        assert str(caught.value).startswith("tool → lib → tool: these need each other")
        assert self.plan("app", "tool", "lib").cycles == ("tool → lib → tool",)
        self.request("app", "tool")

    def test_dependencies_are_not_believed(self) -> None:
        """What a slave delivers in another form makes its attempt a broken one."""
        number = self.master.build("lib")
        order = self.order(number, SOURCE)
        srpm = (artifact("lib-1.0-1.src.rpm", b"x", kind=ArtifactKind.SRPM), b"x")
        self.worker.deliver(order, srpm, dependencies(b'{"requires": ["two words"]}'))
        answer(self.worker.finish(order, Outcome(state=AttemptState.SUCCEEDED, source=FACTS)))
        (attempt,) = (one for one in self.master.attempts(number, SOURCE) if one.attempt == order.attempt)
        assert attempt.state is AttemptState.BROKEN
        assert "dependencies.json cannot be read" in attempt.reason


class PlanTest(BatchCase):
    """What is told beforehand."""

    def test_the_waves_of_what_was_built_before(self) -> None:
        """With who waits for whom; nothing is begun."""
        self.built("lib", "tool", "app")
        newest = answer(self.master.farm.builds.listing(limit=1))[0].number
        plan = self.plan("app", "other", "tool", "lib")
        told = [(one.package, one.known, one.wave, one.needs) for one in plan.packages]
        assert told == [
            ("lib", True, 1, ()),
            ("other", False, 1, ()),
            ("tool", True, 2, ("lib",)),
            ("app", True, 3, ("tool",)),
        ]
        assert answer(self.master.farm.builds.listing(limit=1))[0].number == newest

    def test_what_packages_were_found_to_provide(self) -> None:
        """What only the built package says counts too: a soname, a pkgconfig file."""
        number = self.master.build("lib")
        self.source(number)
        self.worker.make_package(self.order(number), found=Dependencies(provides=("pkgconfig(lib)",)))
        self.publish(number)
        other = self.master.build("other")
        self.source(other, requires="pkgconfig(lib)")
        self.make(other)
        assert self.plan("other", "lib").packages[1].needs == ("lib",)

    def test_an_estimate(self) -> None:
        """From how long it took, on the slaves that there are; it says why there is none."""
        assert self.plan("lib").lacking == "nothing like it was ever built"
        assert self.plan("both").lacking == "no slave builds aarch64 for the channel package"
        self.built("lib")
        plan = self.plan("lib", "tool")
        assert plan.seconds is not None
        assert plan.packages[0].seconds is not None
        assert plan.packages[1].seconds is None
        self.master.kill()
        self.master.begin()
        assert self.plan("lib").lacking == "no slave is connected for the channel package"
