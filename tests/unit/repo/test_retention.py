from hypothesis import given
from hypothesis import strategies as st

from builder import nevra
from builder.model.project import Retention
from builder.repo.manifest import Listed
from builder.repo.relations import Dependency, satisfies
from builder.repo.retention import Needed, departures, superseded
from tests.support.listed import Kin, listed

DAY = 86400.0
NOW = 100 * DAY


def _superseded(packages: list[Listed], retention: Retention, now: float) -> set[str]:
    return {one.package.nevra for one in superseded(packages, retention, now)}


def _history(*versions: str, name: str = "hello", since: float = 0.0) -> list[Listed]:
    return [listed(f"{name}-{version}-1.x86_64", since=since) for version in versions]


def test_the_newest_versions_stay() -> None:
    """Newest is what rpm holds for newer, not what was built later or sorts later as text."""
    packages = _history("1.9", "1.10", "1.2", "1.10~rc1")
    assert _superseded(packages, Retention(versions=2), NOW) == {"hello-1.9-1.x86_64", "hello-1.2-1.x86_64"}


def test_each_name_is_counted_by_itself() -> None:
    """A version of one package never pushes out another package."""
    packages = _history("1", "2") + _history("0.1", name="other")
    assert _superseded(packages, Retention(versions=1), NOW) == {"hello-1-1.x86_64"}


def test_the_architectures_of_a_version_go_together() -> None:
    """Two architectures of one version count as one version."""
    packages = [listed(f"hello-{version}-1.{arch}") for version in "12" for arch in ("x86_64", "noarch")]
    assert _superseded(packages, Retention(versions=1), NOW) == {"hello-1-1.x86_64", "hello-1-1.noarch"}


def test_the_young_stay() -> None:
    """For its first days a package stays, however many newer versions there are."""
    packages = _history("1", since=NOW - 15 * DAY) + _history("2", "3", since=NOW - 13 * DAY)
    assert _superseded(packages, Retention(versions=1, days=14), NOW) == {"hello-1-1.x86_64"}


def test_what_comes_in_stays_at_first() -> None:
    """Publishing an old version publishes it: it is not gone in the generation that brings it."""
    packages = [*_history("2", "3"), *_history("1", since=NOW)]
    assert _superseded(packages, Retention(versions=1, days=0), NOW) == {"hello-2-1.x86_64"}


_packages = st.lists(
    st.builds(
        lambda name, epoch, version, release, since: listed(
            f"{name}-{epoch}:{version}-{release}.x86_64" if epoch else f"{name}-{version}-{release}.x86_64", since=since
        ),
        name=st.sampled_from(["a", "b", "b-c"]),
        epoch=st.integers(0, 2),
        version=st.from_regex(r"[0-9]{1,2}(\.[0-9a-z~^]{1,2})?", fullmatch=True),
        release=st.integers(1, 3),
        since=st.floats(0, NOW),
    ),
    unique_by=lambda package: package.nevra,
    max_size=20,
)


@given(_packages, st.integers(1, 4), st.integers(0, 90))
def test_whatever_leaves_is_old_and_outnumbered(packages: list[Listed], versions: int, days: int) -> None:
    """Every package that leaves is older than the days and has enough newer versions; every one that stays has not."""
    gone = _superseded(packages, Retention(versions=versions, days=days), NOW)
    for package in packages:
        name = nevra.parse(package.nevra)
        others = {nevra.parse(other.nevra).evr.text for other in packages if nevra.parse(other.nevra).name == name.name}
        newer = {evr for evr in others if nevra.compare(evr, name.evr.text) > 0}
        old = NOW - package.since > days * DAY
        if package.nevra in gone:
            assert old
            assert len(others) > versions
        if old and len(newer) >= versions:
            assert package.nevra in gone


A, OLD_A, B, OLD_B = (listed(f"{name}-1.x86_64") for name in ("a-2", "a-1", "b-2", "b-1"))
ONE = Retention(versions=1, days=0)


def _at(name: str, version: str, sense: str = "EQ") -> Dependency:
    return Dependency(name=name, sense=sense, version=version, release="1")


def test_a_departure_says_why() -> None:
    """How many versions are newer, and for how many days it has been there."""
    (one,) = superseded([A, listed("a-1-1.x86_64", since=NOW - 3.5 * DAY)], ONE, NOW)
    assert (one.newer, one.days) == (1, 3)


def test_what_a_kept_package_needs_stays() -> None:
    """The old library stays for as long as something that stays requires just that; who and what is told."""
    kin = Kin(
        A,
        B,
        OLD_B,
        requires={A.nevra: [_at("b", "1")]},
        provides={B.nevra: [_at("b", "2")], OLD_B.nevra: [_at("b", "1")]},
    )
    judged = departures([A, B, OLD_B], ONE, NOW, kin)
    assert judged.going == ()
    assert judged.needed == (Needed(package=OLD_B, by=A.nevra, what="b"),)


def test_what_only_a_leaving_package_needs_leaves_with_it() -> None:
    """A requirement of what goes keeps nothing."""
    kin = Kin(
        A,
        OLD_A,
        B,
        OLD_B,
        requires={OLD_A.nevra: [_at("b", "1")]},
        provides={B.nevra: [_at("b", "2")], OLD_B.nevra: [_at("b", "1")]},
    )
    assert departures([A, OLD_A, B, OLD_B], ONE, NOW, kin).names == {OLD_A.nevra, OLD_B.nevra}


def test_what_is_needed_needs_in_turn() -> None:
    """A whole chain of old packages stays when the first of them is needed."""
    c, old_c = (listed(f"c-{version}-1.x86_64") for version in (2, 1))
    everything = [A, B, OLD_B, c, old_c]
    kin = Kin(
        *everything,
        requires={A.nevra: [_at("b", "1")], OLD_B.nevra: [_at("c", "1", "LE")]},
        provides={one.nevra: [_at(one.package, nevra.parse(one.nevra).evr.version)] for one in everything},
    )
    assert departures(everything, ONE, NOW, kin).names == frozenset()


def test_a_file_is_needed_too() -> None:
    """Whoever has the file that something requires stays, unless something that stays has it too."""
    file = Dependency(name="/usr/bin/b")
    packages = (A, B, OLD_B)
    only = Kin(*packages, requires={A.nevra: [file]}, owned={OLD_B.nevra: file.name})
    both = Kin(*packages, requires={A.nevra: [file]}, owned={OLD_B.nevra: file.name, B.nevra: file.name})
    assert departures(packages, ONE, NOW, only).names == frozenset()
    assert departures(packages, ONE, NOW, both).names == {OLD_B.nevra}


@st.composite
def _kin(draw: st.DrawFn) -> tuple[list[Listed], dict[str, list[Dependency]], dict[str, list[Dependency]]]:
    packages = draw(_packages)
    provides = {
        one.nevra: [Dependency(name=name.name, sense="EQ", epoch=name.evr.epoch, version=name.evr.version)]
        for one in packages
        for name in [nevra.parse(one.nevra)]
    }
    anything = st.sampled_from([one for some in provides.values() for one in some] or [Dependency(name="x")])
    return packages, {one.nevra: draw(st.lists(anything, max_size=2)) for one in packages}, provides


@given(_kin(), st.integers(1, 3))
def test_nothing_that_stays_loses_what_it_needs(
    kin: tuple[list[Listed], dict[str, list[Dependency]], dict[str, list[Dependency]]], versions: int
) -> None:
    """What something of the repository fulfilled before, something that stays fulfils afterwards; no newest leaves."""
    packages, requires, provides = kin
    judged = departures(
        packages, Retention(versions=versions), NOW, Kin(*packages, requires=requires, provides=provides)
    )
    staying = {one.nevra for one in packages} - judged.names
    for name in staying:
        for required in requires[name]:
            before = {one for one in provides if any(satisfies(provided, required) for provided in provides[one])}
            assert not before or before & staying
    assert judged.names <= _superseded(packages, Retention(versions=versions), NOW)
    assert {one.package.nevra for one in judged.needed} <= staying
