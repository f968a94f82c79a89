from hypothesis import given
from hypothesis import strategies as st

from builder import nevra
from builder.model.project import Retention
from builder.repo.manifest import Listed
from builder.repo.retention import superseded
from tests.support.listed import listed

DAY = 86400.0
NOW = 100 * DAY


def _history(*versions: str, name: str = "hello", since: float = 0.0) -> list[Listed]:
    return [listed(f"{name}-{version}-1.x86_64", since=since) for version in versions]


def test_the_newest_versions_stay() -> None:
    """Newest is what rpm holds for newer, not what was built later or sorts later as text."""
    packages = _history("1.9", "1.10", "1.2", "1.10~rc1")
    assert superseded(packages, Retention(versions=2), NOW) == {"hello-1.9-1.x86_64", "hello-1.2-1.x86_64"}


def test_each_name_is_counted_by_itself() -> None:
    """A version of one package never pushes out another package."""
    packages = _history("1", "2") + _history("0.1", name="other")
    assert superseded(packages, Retention(versions=1), NOW) == {"hello-1-1.x86_64"}


def test_the_architectures_of_a_version_go_together() -> None:
    """Two architectures of one version count as one version."""
    packages = [listed(f"hello-{version}-1.{arch}") for version in "12" for arch in ("x86_64", "noarch")]
    assert superseded(packages, Retention(versions=1), NOW) == {"hello-1-1.x86_64", "hello-1-1.noarch"}


def test_the_young_stay() -> None:
    """For its first days a package stays, however many newer versions there are."""
    packages = _history("1", since=NOW - 15 * DAY) + _history("2", "3", since=NOW - 13 * DAY)
    assert superseded(packages, Retention(versions=1, days=14), NOW) == {"hello-1-1.x86_64"}


def test_what_comes_in_stays_at_first() -> None:
    """Publishing an old version publishes it: it is not gone in the generation that brings it."""
    packages = [*_history("2", "3"), *_history("1", since=NOW)]
    assert superseded(packages, Retention(versions=1, days=0), NOW) == {"hello-2-1.x86_64"}


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
    gone = superseded(packages, Retention(versions=versions, days=days), NOW)
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
