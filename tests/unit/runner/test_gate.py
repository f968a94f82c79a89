from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder import nevra
from builder.model.package import Style
from builder.model.work import LastBuilt
from builder.runner.gate import Build, Refuse, Skip, decide

OLD, NEW = "1" * 64, "2" * 64


def spec(before_dist: str, after_dist: str = "", *, dist: str = ".fc43", version: str = "1.0") -> Callable[[int], str]:
    """What a spec evaluates to, whose Release is `before_dist%{?dist}after_dist`."""
    return lambda serial: f"{version}-{before_dist}{dist}{f'.{serial}' if serial else ''}{after_dist}"


def without_dist(evr: str) -> Callable[[int], str]:
    return lambda _: evr


def checkout(day: int, build: int, short: str = "abcdef0") -> str:
    return f"202611{day:02}.{build}git{short}"


def test_the_first_build_is_built() -> None:
    """With nothing there, everything is new."""
    assert decide(Style.RELEASE, spec("1"), NEW, None, force=False) == Build(evr="1.0-1.fc43")


@pytest.mark.parametrize("style", Style)
def test_same_inputs_are_skipped(style: Style) -> None:
    """The same commits once more are a success that says what it found."""
    last = LastBuilt(evr="1.0-1.fc43", inputs=OLD)
    verdict = decide(style, spec("2"), OLD, last, force=False)
    assert verdict == Skip(evr="1.0-1.fc43", reason="1.0-1.fc43 was built from the same sources")


@pytest.mark.parametrize(("release", "built"), [("1", False), ("2", False), ("3", True), ("1:3", True)])
def test_a_release_is_built_only_if_strictly_newer(release: str, built: bool) -> None:
    """An equal or older EVR is skipped, whatever it was made from."""
    last = LastBuilt(evr="1.0-2.fc43", inputs=OLD)
    evr = spec(release) if ":" not in release else lambda _: "1:0.1-1.fc43"
    assert isinstance(decide(Style.RELEASE, evr, NEW, last, force=False), Build if built else Skip)


@pytest.mark.parametrize(
    ("older", "newer"),
    [("1.0~rc1", "1.0"), ("1.0", "1.0^git1"), ("1.0^git1", "1.0.1"), ("1.9", "1.10")],
)
def test_tildes_and_carets_are_rpms(older: str, newer: str) -> None:
    """A pre-release comes before its release, a snapshot after it."""
    last = LastBuilt(evr=spec("1", version=older)(0), inputs=OLD)
    assert isinstance(decide(Style.RELEASE, spec("1", version=newer), NEW, last, force=False), Build)
    last = LastBuilt(evr=spec("1", version=newer)(0), inputs=OLD)
    assert isinstance(decide(Style.RELEASE, spec("1", version=older), NEW, last, force=False), Skip)


def test_two_commits_of_a_day_are_both_built() -> None:
    """Of the style ci, the commit's name does not decide which is newer: the later build is."""
    last = LastBuilt(evr=spec(checkout(21, 5, "fffffff"))(0), inputs=OLD)
    verdict = decide(Style.CI, spec(checkout(21, 6, "0000000")), NEW, last, force=False)
    assert isinstance(verdict, Build)
    assert nevra.compare(verdict.evr, last.evr) > 0


def test_an_older_day_after_a_newer_one_is_skipped() -> None:
    """A build of an older commit does not replace a newer one."""
    last = LastBuilt(evr=spec(checkout(21, 5))(0), inputs=OLD)
    verdict = decide(Style.CI, spec(checkout(20, 6)), NEW, last, force=False)
    assert isinstance(verdict, Skip)
    assert verdict.evr == last.evr


def test_a_new_commit_is_built_after_a_forced_rebuild() -> None:
    """The serial of a rebuild does not make a commit of the same day look older."""
    last = LastBuilt(evr=spec(checkout(21, 5))(2), inputs=OLD, serial=2)
    assert decide(Style.CI, spec(checkout(21, 6)), NEW, last, force=False) == Build(evr=spec(checkout(21, 6))(0))


def test_a_forced_rebuild_gets_the_next_serial() -> None:
    """Every rebuild has an EVR of its own."""
    first = decide(Style.RELEASE, spec("1"), OLD, LastBuilt(evr="1.0-1.fc43", inputs=OLD), force=True)
    assert first == Build(evr="1.0-1.fc43.1", serial=1)
    second = decide(Style.RELEASE, spec("1"), OLD, LastBuilt(evr="1.0-1.fc43.1", inputs=OLD, serial=1), force=True)
    assert second == Build(evr="1.0-1.fc43.2", serial=2)


def test_a_forced_build_of_something_else_needs_no_serial() -> None:
    """`force` passes the gate, for what is older too."""
    last = LastBuilt(evr="1.0-2.fc43", inputs=OLD)
    assert decide(Style.RELEASE, spec("1"), NEW, last, force=True) == Build(evr="1.0-1.fc43")


def test_a_rebuild_without_dist_is_refused() -> None:
    """Nothing could tell the two packages apart."""
    last = LastBuilt(evr="1.0-1", inputs=OLD)
    verdict = decide(Style.RELEASE, without_dist("1.0-1"), NEW, last, force=True)
    assert isinstance(verdict, Refuse)
    assert "%{?dist}" in verdict.reason


releases = st.from_regex(r"[0-9]{1,2}(\.[0-9a-z]{1,2})?", fullmatch=True)
versions = st.from_regex(r"([1-3]:)?[0-9]{1,2}(\.[0-9]{1,2})?([~^][a-z0-9]{1,3})?", fullmatch=True)
specs = st.builds(lambda v, r, a: spec(r, a, version=v), versions, releases, st.sampled_from(["", ".1", ".2"]))
serials = st.integers(0, 3)


@given(specs, specs, serials)
def test_what_passes_unforced_is_newer(evr: Callable[[int], str], before: Callable[[int], str], serial: int) -> None:
    """Whatever the style release builds is strictly newer than what is there."""
    last = LastBuilt(evr=before(serial), inputs=OLD, serial=serial)
    verdict = decide(Style.RELEASE, evr, NEW, last, force=False)
    if isinstance(verdict, Build):
        assert nevra.compare(verdict.evr, last.evr) > 0
        assert verdict.evr == evr(verdict.serial)


@given(specs, specs, serials, st.sampled_from(Style))
def test_force_never_repeats_an_evr(
    evr: Callable[[int], str], before: Callable[[int], str], serial: int, style: Style
) -> None:
    """A forced build is built, and is not what is there."""
    last = LastBuilt(evr=before(serial), inputs=OLD, serial=serial)
    verdict = decide(style, evr, OLD, last, force=True)
    assert isinstance(verdict, Build)
    assert verdict.evr != last.evr


@given(st.lists(st.tuples(st.integers(1, 28), st.from_regex("[0-9a-f]{7}", fullmatch=True)), min_size=1, max_size=8))
def test_the_newest_day_wins_whatever_is_built_in_between(commits: list[tuple[int, str]]) -> None:
    """After any sequence of ci builds, what is there is the last build of the newest day, and EVRs only grew."""
    last: LastBuilt | None = None
    expected = (0, 0)
    for number, (day, short) in enumerate(commits, 1):
        inputs = f"{number:064}"
        verdict = decide(Style.CI, spec(checkout(day, number, short)), inputs, last, force=False)
        if isinstance(verdict, Build):
            assert last is None or nevra.compare(verdict.evr, last.evr) > 0
            last = LastBuilt(evr=verdict.evr, inputs=inputs)
        if day >= expected[0]:
            expected = (day, number)
    assert last
    assert f"202611{expected[0]:02}.{expected[1]}git" in last.evr


@pytest.mark.parametrize("style", Style)
def test_epochs_go_before_versions(style: Style) -> None:
    """A lower version under a higher epoch is newer, and without the epoch nothing is again."""
    last = LastBuilt(evr="2.0-1.fc43", inputs=OLD)
    assert decide(style, spec("1", version="1:1.0"), NEW, last, force=False) == Build(evr="1:1.0-1.fc43")
    last = LastBuilt(evr="1:1.0-1.fc43", inputs=OLD)
    assert isinstance(decide(style, spec("1", version="2.0"), NEW, last, force=False), Skip)


def test_a_build_that_was_overtaken_is_skipped() -> None:
    """Of two builds of a day, the earlier one comes to the gate when the later one is being published."""
    last = LastBuilt(evr=spec(checkout(21, 6))(0), inputs=OLD)
    verdict = decide(Style.CI, spec(checkout(21, 5)), NEW, last, force=False)
    assert isinstance(verdict, Skip)
    assert "202611" in verdict.reason
    assert "is not newer than" in verdict.reason


def test_a_ci_spec_that_does_not_say_its_commit_is_refused() -> None:
    """Its second commit would be published under the name of the first; the reason says what the spec lacks."""
    verdict = decide(Style.CI, spec("1"), NEW, LastBuilt(evr="1.0-1.fc43", inputs=OLD), force=False)
    assert isinstance(verdict, Refuse)
    assert verdict.reason.startswith("1.0-1.fc43 is there, of other sources")
    assert "%{_checkout}" in verdict.reason


def test_an_older_commit_that_was_built_is_skipped_with_what_was_made_of_it() -> None:
    """A branch that is set back on the same day makes no newer build of the old commit."""
    last = LastBuilt(evr=spec(checkout(21, 6))(0), inputs=OLD, same=spec(checkout(21, 5))(0))
    verdict = decide(Style.CI, spec(checkout(21, 7)), NEW, last, force=False)
    assert verdict == Skip(evr=last.same or "", reason=f"{last.same} was built from the same sources")


def test_a_forced_build_of_an_older_version_takes_a_new_name() -> None:
    """What it was called when it was built first, clients may have."""
    last = LastBuilt(evr="2.0-1.fc43", inputs=OLD, taken=("2.0-1.fc43", "1.0-1.fc43.1", "1.0-1.fc43"))
    assert decide(Style.RELEASE, spec("1"), NEW, last, force=True) == Build(evr="1.0-1.fc43.2", serial=2)
    last = LastBuilt(evr="2.0-1", inputs=OLD, taken=("2.0-1", "1.0-1"))
    verdict = decide(Style.RELEASE, without_dist("1.0-1"), NEW, last, force=True)
    assert isinstance(verdict, Refuse)
    assert verdict.reason.startswith("1.0-1 cannot be built again")


def test_a_rebuild_is_newer_also_with_something_behind_dist() -> None:
    """`1%{?dist}.2` with the serial 1 would be older than without any."""
    last = LastBuilt(evr="1.0-1.fc43.2", inputs=OLD)
    assert decide(Style.RELEASE, spec("1", ".2"), OLD, last, force=True) == Build(evr="1.0-1.fc43.2.2", serial=2)
    last = LastBuilt(evr="1.0-1.fc43.20261121", inputs=OLD)
    verdict = decide(Style.RELEASE, spec("1", ".20261121"), OLD, last, force=True)
    assert isinstance(verdict, Refuse)
    assert "behind %{?dist} is higher than 100 serials" in verdict.reason


def test_a_noarch_package_that_a_chroot_lacks_is_rebuilt_for_all() -> None:
    """The chroot has come since, and the package is built once for both."""
    last = LastBuilt(evr="1.0-1.fc43", inputs=OLD, everywhere=False)
    assert decide(Style.RELEASE, spec("1"), OLD, last, force=False) == Build(evr="1.0-1.fc43.1", serial=1)
    assert isinstance(decide(Style.RELEASE, spec("1"), NEW, last, force=False), Skip)
