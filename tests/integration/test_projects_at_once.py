"""Operations on several projects, carried out by a thread for each: what they share is what it would be one by one."""

import itertools
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from builder.model.operation import Drop, NumberedOperation, Prune
from builder.model.project import Retention
from builder.repo.answer import OperationAnswer
from builder.repo.rejected import KEPT
from builder.repo.thinning import DAILY, GRACE
from tests.support.memory import folder_in_memory
from tests.support.repositories import Workbench, picture
from tests.support.rpms import deliver, order_of, rpms

PROJECTS = ("one", "two", "three")
ROUNDS = 3


@pytest.fixture(autouse=True)
def often() -> Iterator[None]:
    """Threads take turns a thousand times as often as usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(before / 1000)
    yield
    sys.setswitchinterval(before)


def _number(project: str, number: int) -> int:
    """No two projects' operations and builds have a number in common."""
    return 1000 * PROJECTS.index(project) + number


def _publish(bench: Workbench, project: str, number: int, files: Sequence[Path]) -> Sequence[OperationAnswer]:
    """The same files come into all projects; whoever is first brings them to the pool."""
    order = order_of(_number(project, number), project=project, retention=Retention(versions=1))
    deliver(bench.state, order, files)
    return bench.operations.carry_out([NumberedOperation(number=_number(project, number), operation=order)])


def _years(
    state: Path, work: Callable[[Workbench, str, int], Sequence[OperationAnswer]], *, together: bool
) -> list[OperationAnswer]:
    """Let work be done for each project in each round, weeks after the one before, at once or one after the other."""
    bench = Workbench(state)
    answers: list[OperationAnswer] = []
    for number in range(1, ROUNDS + 1):
        with ThreadPoolExecutor(len(PROJECTS) if together else 1) as threads:
            for done in threads.map(work, itertools.repeat(bench), PROJECTS, itertools.repeat(number)):
                answers.extend(done)
        bench.now += GRACE + DAILY + KEPT
    return answers


def _versions(bench: Workbench, project: str, number: int) -> Sequence[OperationAnswer]:
    """One version after the other, of which only the newest stays; in the end nothing is left to prune."""
    answers = [*_publish(bench, project, number, rpms("hello", str(number), arch="x86_64", subpackages=("debuginfo",)))]
    prune = Prune(project=project, retention=Retention(versions=1))
    return [
        *answers,
        *bench.operations.carry_out([NumberedOperation(number=_number(project, 100 + number), operation=prune)]),
    ]


def _refused(bench: Workbench, project: str, number: int) -> Sequence[OperationAnswer]:
    """What is known with other content is set aside, and goes when it is dropped, or in time."""
    answers: list[OperationAnswer] = []
    for attempt, content in enumerate(("one", "other", "other")):
        answers += _publish(bench, project, 10 * number + attempt, rpms("hello", content=content))
    mine = _number(project, 10 * number + 2)
    drop = Drop(project=project, rejected=f"{mine}-{mine}-fedora-43-x86_64-1")
    return [
        *answers,
        *bench.operations.carry_out([NumberedOperation(number=_number(project, 100 + number), operation=drop)]),
    ]


@pytest.mark.parametrize("work", [_versions, _refused])
def test_threads_leave_what_one_would(work: Callable[[Workbench, str, int], Sequence[OperationAnswer]]) -> None:
    """Projects that bring the same files, let them go, are refused and dropped at the same time get the answers that
    they would get one after the other, and every file and link is there as often as it would be."""
    with folder_in_memory() as folder:
        one_by_one = _years(folder / "one by one", work, together=False)
        assert _years(folder / "together", work, together=True) == one_by_one
        seen, wanted = picture(folder / "together"), picture(folder / "one by one")
    for state in (seen, wanted):
        state.pop("rejected/dropped.json", None)  # in the order in which they were dropped
    assert seen == wanted
