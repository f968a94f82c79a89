"""What people are told of repositories follows from their manifests."""

from pathlib import Path

import pytest

from builder.errors import InvalidError, NotFoundError
from builder.model.repository import CauseKind, PackageChange, PackageChangeKind
from builder.repo.draft import Draft
from builder.repo.history import History, difference, generations
from builder.repo.manifest import Cause, nothing
from tests.support.listed import Kin, listed


def test_a_difference_names_what_came_and_went() -> None:
    """An upgrade and a downgrade are one change each, by rpm's order; what else came or went is named by itself."""
    before = [listed(f"{name}.noarch") for name in ("a-1.9-1", "b-2-1", "gone-1-1", "same-1-1", "many-1-1", "many-2-1")]
    after = [listed(f"{name}.noarch") for name in ("a-1.10-1", "b-1:1-1", "c-1-1", "same-1-1", "many-1.5-1")]
    kinds = PackageChangeKind
    assert difference(before, after) == (
        PackageChange(name="a.noarch", kind=kinds.UPGRADED, before="1.9-1", after="1.10-1"),
        PackageChange(name="b.noarch", kind=kinds.UPGRADED, before="2-1", after="1:1-1"),
        PackageChange(name="c.noarch", kind=kinds.ADDED, before=None, after="1-1"),
        PackageChange(name="gone.noarch", kind=kinds.REMOVED, before="1-1", after=None),
        PackageChange(name="many.noarch", kind=kinds.DOWNGRADED, before="2-1", after="1.5-1"),
        PackageChange(name="many.noarch", kind=kinds.REMOVED, before="1-1", after=None),
    )
    assert difference(before, before) == ()


def test_generations_say_who_made_them() -> None:
    """Each generation tells its operations, whether it can be read, and who keeps it."""
    draft = Draft(nothing("r"), Kin())
    draft.add(Cause(number=3, kind=CauseKind.PUBLISH), [listed("a-1-1.noarch")])
    draft = Draft(draft.result(1000.0), Kin())
    draft.pin(Cause(number=5, kind=CauseKind.PIN, who="alice", reason="shipped"), 1, pinned=True)
    newest, oldest = generations(draft.result(2000.0))
    assert (newest.generation, newest.created, newest.current, newest.readable) == (2, 2000.0, True, True)
    assert (oldest.generation, oldest.created, oldest.current, oldest.readable) == (1, 1000.0, False, True)
    assert [(step.number, step.kind.value, step.requested_by, step.reason) for step in newest.operations] == [
        (5, "pin", "alice", "shipped")
    ]
    assert oldest.operations[0].published == ("a-1-1.noarch",)
    assert (oldest.pinned_by, oldest.pin_reason, newest.pinned_by) == ("alice", "shipped", None)


@pytest.mark.parametrize("name", ["hello", "../../x/y/z", "p/s/f-1/x86_64/extra", "p/s/f-1/../x", "p/s//x86_64", ""])
def test_a_name_from_outside_is_checked(tmp_path: Path, name: str) -> None:
    """A name that is no repository's is never looked for."""
    with pytest.raises(InvalidError, match="PROJECT/STAGE/DISTRIBUTION-VERSION/TREE"):
        History(tmp_path).show(name)


def test_an_unknown_repository(tmp_path: Path) -> None:
    """A repository that is not there is said to be missing, by its name."""
    with pytest.raises(NotFoundError, match="there is no repository p/s/f-1/debug/x86_64"):
        History(tmp_path).difference("p/s/f-1/debug/x86_64", 1, 2)
