import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.errors import ConflictError
from builder.model.project import Retention
from builder.model.repository import CauseKind
from builder.repo.draft import REMEMBERED, Draft, Drafts
from builder.repo.layout import Repository
from builder.repo.manifest import Cause, Listed, Manifest, nothing
from builder.repo.thinning import DAILY, GRACE
from tests.support.listed import Kin, listed

ALL = Retention(versions=1000)
ONE = Retention(versions=1)


def _cause(number: int) -> Cause:
    return Cause(number=number, kind=CauseKind.PUBLISH)


def _after(
    before: Manifest, operation: int, *packages: Listed, retention: Retention = ALL, now: float = 0.0
) -> Manifest:
    draft = Draft(before, Kin())
    draft.check(packages)
    draft.add(_cause(operation), packages, retention)
    return draft.result(now)


def _names(manifest: Manifest) -> list[str]:
    return [package.nevra for package in manifest.packages]


def test_nothing_said_nothing_changed() -> None:
    """Without an operation there is no new generation."""
    before = nothing("p/s/f-1/x86_64")
    assert Draft(before, Kin()).result(1.0) is before


def test_operations_share_a_generation() -> None:
    """What is carried out together is one generation that has every operation's number and packages."""
    draft = Draft(nothing("p/s/f-1/x86_64"), Kin())
    draft.add(_cause(7), [listed("b-1-1.noarch")], ALL)
    draft.add(_cause(5), [listed("a-1-1.noarch")], ALL)
    after = draft.result(1.0)
    assert after.generation == 1
    assert _names(after) == ["a-1-1.noarch", "b-1-1.noarch"]
    assert [(entered.number, entered.published) for entered in after.operations] == [
        (5, ("a-1-1.noarch",)),
        (7, ("b-1-1.noarch",)),
    ]


def test_no_package_is_listed_twice() -> None:
    """The same package from two operations is there once, as the first one brought it."""
    first = _after(nothing("r"), 1, listed("a-1-1.noarch", build=1))
    second = _after(first, 2, listed("a-1-1.noarch", build=2))
    assert second.packages == first.packages
    assert second.operations[-1].published == ("a-1-1.noarch",)


def test_other_content_under_a_known_name_is_refused() -> None:
    """A client that knows a NEVRA never gets other bytes for it: listed, only just leaving, or given in this moment."""
    old, new = listed("a-1-1.noarch", build=12), listed("a-2-1.noarch")
    first = _after(nothing("p/s/f-1/x86_64"), 1, old)
    other = listed("a-1-1.noarch", content="other")
    with pytest.raises(ConflictError, match=r"a-1-1.noarch is already in p/s/f-1/x86_64 .* build 12: .* new version"):
        Draft(first, Kin()).check([other])
    gone = _after(first, 2, new, retention=ONE, now=1.0)
    assert _names(gone) == ["a-2-1.noarch"]
    with pytest.raises(ConflictError):
        Draft(gone, Kin()).check([other])
    together = Draft(nothing("r"), Kin())
    together.add(_cause(1), [old], ALL)
    with pytest.raises(ConflictError):
        together.check([other])


def test_other_content_under_a_known_file_name_is_refused() -> None:
    """Two epochs of one version have one file name, so the second one is refused."""
    first = _after(nothing("r"), 1, listed("a-1-1.noarch"))
    with pytest.raises(ConflictError, match=r"a-1:1-1\.noarch"):
        Draft(first, Kin()).check([listed("a-1:1-1.noarch")])


def test_the_first_source_package_of_a_build_stays() -> None:
    """Two architectures of a build each deliver its SRPM; another build's under the same name is refused."""
    first = _after(nothing("r"), 1, listed("a-1-1.src", build=3))
    second = _after(first, 2, listed("a-1-1.src", build=3, content="other host"))
    assert second.packages == first.packages
    assert second.operations[-1].published == ("a-1-1.src",)
    with pytest.raises(ConflictError):
        Draft(second, Kin()).check([listed("a-1-1.src", build=4, content="other build")])


def test_a_superseded_package_keeps_its_file_for_a_while() -> None:
    """What left the metadata can still be fetched as long as a generation that lists it can be read, and no longer."""
    first = _after(nothing("r"), 1, listed("a-1-1.noarch"), retention=ONE, now=0.0)
    second = _after(first, 2, listed("a-2-1.noarch", since=10.0), retention=ONE, now=10.0)
    old = listed("a-1-1.noarch").location
    assert second.generations() == {1, 2}
    assert old in second.files()
    third = _after(second, 3, listed("b-1-1.noarch"), now=9.0 + GRACE)
    assert third.generations() == {1, 2, 3}
    assert old in third.files()
    fourth = _after(third, 4, listed("c-1-1.noarch"), now=10.0 + GRACE + DAILY)
    assert 1 not in fourth.generations()
    assert old not in fourth.files()


def test_a_package_may_come_back() -> None:
    """The same bytes published again are listed again."""
    first = _after(nothing("r"), 1, listed("a-1-1.noarch"), now=0.0)
    second = _after(first, 2, listed("a-2-1.noarch", since=10.0), retention=ONE, now=10.0)
    third = _after(second, 3, listed("a-1-1.noarch", since=20.0), now=20.0)
    assert _names(third) == ["a-1-1.noarch", "a-2-1.noarch"]
    assert third.leaving == ()


def test_a_manifest_remembers_enough_operations() -> None:
    """The newest operations are known by number however many there were, and the manifest does not grow for ever."""
    manifest = nothing("r")
    for number in range(1, REMEMBERED + 11):
        manifest = _after(manifest, number, listed("a-1-1.noarch"))
    assert manifest.entered(10) is None
    assert manifest.entered(11) is not None
    assert len(manifest.operations) == REMEMBERED


_LATER = st.one_of(st.floats(-GRACE, GRACE), st.floats(0, 10 * GRACE))
"""Seconds between two operations; a clock may be set back."""
_steps = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 3), _LATER), min_size=1, max_size=25)


@given(_steps)
def test_every_readable_generation_has_its_files(steps: list[tuple[int, int, float]]) -> None:
    """Whatever is published in whatever order, no file is dropped that a readable generation lists."""
    manifest, now, history = nothing("r"), 0.0, dict[int, Manifest]()
    for number, (version, versions, later) in enumerate(steps, start=1):
        now += later
        package = listed(f"a-{version}-1.noarch", since=now)
        manifest = _after(manifest, number, package, retention=Retention(versions=versions), now=now)
        history[manifest.generation] = manifest
        files = manifest.files()
        for generation in manifest.generations():
            assert {package.location for package in history[generation].packages} <= files.keys()


def test_what_a_signature_changed_is_the_same_package() -> None:
    """A package is known by what was built, though another file is served; what was built anew is another one."""
    built = listed("a-1-1.noarch")
    signed = msgspec.structs.replace(built, sha256="f" * 64)
    after = _after(_after(nothing("r"), 1, signed), 2, built)
    assert [package.sha256 for package in after.packages] == ["f" * 64]
    with pytest.raises(ConflictError):
        Draft(after, Kin()).check([listed("a-1-1.noarch", content="other")])


def test_a_manifest_is_read_once() -> None:
    """However many operations concern a repository, its manifest is asked for once, and only if it is needed."""
    asked: list[Repository] = []

    def current(repository: Repository) -> Manifest:
        asked.append(repository)
        return nothing(repository.path)

    drafts = Drafts(current, Kin())
    here, there = (Repository(project="p", stage="s", distribution="f-1", tree=tree) for tree in ("x86_64", "source"))
    for repository in (here, there, here):
        drafts.of(repository).add(_cause(1), (), ALL)
    assert asked == [here, there]
    assert drafts.results(1.0).keys() == {here, there}


@pytest.mark.parametrize("changes", [{"format": 1}, {"format": 3}, {"blessed": ["a-1-1.noarch"]}])
def test_a_manifest_of_another_version_is_not_read(changes: dict[str, object]) -> None:
    """What this version does not know it would lose in the next manifest, so it refuses to go on from there."""
    known = msgspec.json.encode(nothing("r"))
    assert msgspec.json.decode(known, type=Manifest) == nothing("r")
    other = msgspec.json.encode(msgspec.json.decode(known) | changes)
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(other, type=Manifest)
