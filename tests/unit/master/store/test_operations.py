from functools import partial

from builder.master.store import operations
from builder.model.operation import Prepare
from tests.support.store import MemoryStore, answer


def test_one_project_does_not_keep_another_waiting() -> None:
    """However much of one waits, the repository builder is told of the next of all others too, in their order."""
    store = MemoryStore()
    for project in "aaabac":
        prepare = Prepare(project=project, stages=("testing",), chroots=())
        answer(store.write(partial(operations.insert, operation=prepare)))
    waiting = answer(store.read(partial(operations.waiting, limit=2)))
    assert [(one.number, one.operation.project) for one in waiting] == [(1, "a"), (2, "a"), (4, "b"), (6, "c")]
