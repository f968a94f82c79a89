"""Rejected deliveries: what people see of them, and how they go."""

from pathlib import Path

import pytest

from builder.errors import NotFoundError
from builder.model.operation import Drop, NumberedOperation
from builder.model.rejected import RejectedFile
from builder.repo.operations import Operations
from builder.repo.rejected import KEPT, RejectedDeliveries
from builder.wire import Applied, Rejected
from tests.support.repositories import Workbench
from tests.support.rpms import deliver, order_of, rpms

NAME = "{0}-{0}-fedora-43-x86_64-1"


def _reject(bench: Workbench, number: int) -> str:
    """Have an operation rejected whose SRPM is missing; returns what it is called then."""
    order = order_of(number)
    deliver(bench.state, order, rpms("hello")[:1])
    (answer,) = bench.operations.carry_out([NumberedOperation(number=number, operation=order)])
    assert isinstance(answer, Rejected)
    return NAME.format(number)


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    return Workbench(tmp_path)


def _dropped(operations: Operations, number: int, name: str, project: str = "hello") -> Applied | Rejected:
    order = Drop(project=project, rejected=name)
    return operations.carry_out([NumberedOperation(number=number, operation=order)])[0]


def test_what_was_rejected_is_listed(bench: Workbench) -> None:
    """The newest first, with the reason, what was built and until when it is kept."""
    names = [_reject(bench, 1)]
    bench.now += 1
    names.append(_reject(bench, 2))
    rejected = RejectedDeliveries(bench.state / "rejected")
    newest, oldest = rejected.listing()
    assert [newest.name, oldest.name] == names[::-1]
    assert (newest.project, newest.package, newest.build, newest.job, newest.fence) == (
        "hello",
        "hello",
        2,
        "fedora-43-x86_64",
        1,
    )
    assert newest.reason == "the listing names 0 source packages instead of the one that was built"
    assert (newest.time, newest.until) == (bench.now, bench.now + KEPT)
    assert rejected.listing("other") == ()
    assert rejected.listing("hello") == (newest, oldest)


def test_one_is_shown_with_its_files(bench: Workbench) -> None:
    """Their names cannot reach the terminal as anything but text, and nothing is followed."""
    name = _reject(bench, 1)
    files = bench.state / "rejected" / name / "files"
    (files / "evil\x1b[2J").symlink_to("/etc/passwd")
    (shown,) = [RejectedDeliveries(bench.state / "rejected").show(name)]
    listing = (files / "listing.json").stat().st_size
    assert shown.files == (
        RejectedFile(name="evil?[2J", size=0),
        RejectedFile(name="hello-1.0-1.noarch.rpm", size=rpms("hello")[0].stat().st_size),
        RejectedFile(name="listing.json", size=listing),
    )


@pytest.mark.parametrize("name", ["1-1-none-1", "..", "../pool", "/etc", "", "dropped.json"])
def test_a_name_of_nothing(bench: Workbench, name: str) -> None:
    """A name that is none, or a path, shows and drops nothing."""
    _reject(bench, 1)
    with pytest.raises(NotFoundError, match="was rejected; `builder repo rejected list` shows what was"):
        RejectedDeliveries(bench.state / "rejected").show(name)
    answer = _dropped(bench.operations, 2, name)
    assert isinstance(answer, Rejected)
    assert "was rejected" in answer.reason


def test_one_is_dropped(bench: Workbench) -> None:
    """It is gone at once, and the answer says how much that was; a second order is refused."""
    name = _reject(bench, 1)
    answer = _dropped(bench.operations, 2, name)
    assert isinstance(answer, Applied)
    (finding,) = answer.findings.first
    assert (finding.kind.value, finding.subject) == ("dropped", name)
    assert finding.text.startswith("2 files, ")
    assert not (bench.state / "rejected" / name).exists()
    assert not list((bench.state / "staging").iterdir())
    assert isinstance(_dropped(bench.operations, 3, name), Rejected)


def test_a_drop_is_answered_again(bench: Workbench) -> None:
    """An answer that was lost is given again by the next repository builder, though nothing is there any more."""
    name = _reject(bench, 1)
    answer = _dropped(bench.operations, 2, name)
    assert _dropped(Workbench(bench.state, bench.now).operations, 2, name) == answer


def test_another_projects_is_not_dropped(bench: Workbench) -> None:
    """The project is named in the order and the delivery, and both agree."""
    name = _reject(bench, 1)
    answer = _dropped(bench.operations, 2, name, project="other")
    assert isinstance(answer, Rejected)
    assert answer.reason == f"{name} is of the project hello, not of other"
    assert (bench.state / "rejected" / name).is_dir()


def test_an_old_one_goes_by_itself(bench: Workbench) -> None:
    """A farm that rejects nothing more and is never stopped keeps none for ever: the next publish removes them."""
    name = _reject(bench, 1)
    bench.now += KEPT + 1
    deliver(bench.state, order_of(2), rpms("hello"))
    bench.operations.carry_out([NumberedOperation(number=2, operation=order_of(2))])
    assert not (bench.state / "rejected" / name).exists()


def test_one_whose_reason_is_lost_goes_too(bench: Workbench) -> None:
    """What was damaged is not listed, and does not stay for ever."""
    name = _reject(bench, 1)
    (bench.state / "rejected" / name / "reason.json").write_bytes(b"{")
    assert RejectedDeliveries(bench.state / "rejected").listing() == ()
    Workbench(bench.state, (bench.state / "rejected" / name).stat().st_mtime + KEPT + 1)
    assert not (bench.state / "rejected" / name).exists()
