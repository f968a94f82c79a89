from collections.abc import Sequence

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from builder.errors import UnavailableError
from builder.model.operation import NumberedOperation, Prepare
from builder.repo.answer import OperationAnswer
from builder.repo.queue import RETRY, Queue
from builder.wire import Applied

WORKERS = 3


def _operation(number: int, project: str = "hello") -> NumberedOperation:
    return NumberedOperation(
        number=number, operation=Prepare(project=project, stages=("testing",), chroots=("fedora-43-x86_64",))
    )


class QueueTests(SynchronousTestCase):
    """The workers are played by the test: each batch they are given is a Deferred that the test fires."""

    @override
    def setUp(self) -> None:
        self.clock = Clock()
        self.batches: list[tuple[list[int], Deferred[Sequence[OperationAnswer]]]] = []
        self.told: list[OperationAnswer] = []
        self.queue = Queue(self.clock, WORKERS, self._carry_out, self.told.append)
        self.addCleanup(self.queue.stop)

    def _carry_out(self, operations: Sequence[NumberedOperation]) -> Deferred[Sequence[OperationAnswer]]:
        done: Deferred[Sequence[OperationAnswer]] = Deferred()
        self.batches.append(([operation.number for operation in operations], done))
        return done

    def _submit(self, *operations: NumberedOperation) -> None:
        for operation in operations:
            self.queue.submit(operation)

    def _begun(self) -> list[list[int]]:
        return [numbers for numbers, _ in self.batches]

    def _succeed(self, batch: int = -1) -> None:
        numbers, done = self.batches[batch]
        done.callback([Applied(number=number, generations=()) for number in numbers])

    def test_one_project_after_the_other_s_end(self) -> None:
        """While a project is worked on nothing else of it begins; what waits then is carried out together."""
        self._submit(_operation(1), _operation(2), _operation(3))
        assert self._begun() == [[1]]
        self._succeed()
        assert self._begun() == [[1], [2, 3]]
        self._succeed()
        assert [answer.number for answer in self.told] == [1, 2, 3]

    def _fail(self, batch: int = -1) -> None:
        self.batches[batch][1].errback(OSError(28, "No space left on device"))

    def test_projects_do_not_wait_for_each_other(self) -> None:
        """An operation that takes long keeps those of its own project waiting, in their order, and nobody else's."""
        self._submit(_operation(1), _operation(2), _operation(3, "b"), _operation(4), _operation(5, "b"))
        assert self._begun() == [[1], [3]]
        self._succeed(1)
        assert self._begun() == [[1], [3], [5]]
        self._succeed(2)
        assert [answer.number for answer in self.told] == [3, 5]
        self._succeed(0)
        assert self._begun() == [[1], [3], [5], [2, 4]]

    def test_no_more_than_there_are_workers(self) -> None:
        """Further projects wait for a worker, the oldest operation first."""
        self._submit(*(_operation(number, f"p{number}") for number in range(1, WORKERS + 3)))
        self._submit(_operation(90, "p2"))
        assert self._begun() == [[number] for number in range(1, WORKERS + 1)]
        self._succeed(1)
        self._succeed(0)
        assert self._begun()[WORKERS:] == [[WORKERS + 1], [WORKERS + 2]]
        self._succeed()
        assert self._begun()[-1] == [90]

    def test_a_failure_is_of_one_project(self) -> None:
        """What the farm could not do for one project is tried again by itself; the other's is answered."""
        self._submit(_operation(1), _operation(2, "b"), _operation(3), _operation(4, "b"))
        self._fail(0)
        self._succeed(1)
        assert self._begun() == [[1], [2], [3], [4]]
        assert [answer.number for answer in self.told] == [2]

    def test_asked_twice_done_once(self) -> None:
        """An operation that the master gives again while it waits or is carried out is not done twice."""
        self._submit(_operation(1), _operation(1), _operation(2), _operation(2))
        self._succeed()
        self._succeed()
        assert self._begun() == [[1], [2]]

    def test_asked_again_answered_again(self) -> None:
        """One that the master gives again after its answer is looked at and answered again."""
        for _ in range(2):
            self._submit(_operation(1))
            self._succeed()
        assert [answer.number for answer in self.told] == [1, 1]

    def test_a_failure_of_the_farm_drops_nothing(self) -> None:
        """After a full disk every operation is tried again by itself, what fails again later, until it is done."""
        self._submit(_operation(1), _operation(2), _operation(3))
        self._succeed()
        self.batches[-1][1].errback(OSError(28, "No space left on device"))
        assert self._begun() == [[1], [2, 3], [2]]
        self.batches[-1][1].errback(OSError(28, "No space left on device"))
        assert self._begun() == [[1], [2, 3], [2], [3]]
        self._succeed()
        assert len(self.batches) == 4
        self.clock.advance(RETRY)
        self._succeed()
        assert self._begun() == [[1], [2, 3], [2], [3], [2]]
        assert [answer.number for answer in self.told] == [1, 3, 2]

    def test_what_keeps_failing_holds_nobody_up(self) -> None:
        """However many operations fail again and again, a new one is carried out at once, and they are tried later."""
        self._submit(*(_operation(number, f"p{number}") for number in range(1, 6)))
        for batch in range(5):
            self._fail(batch)
        assert self._begun() == [[1], [2], [3], [4], [5]]
        self.clock.advance(RETRY / 2)
        self._submit(_operation(6, "good"))
        self._succeed()
        assert [answer.number for answer in self.told] == [6]
        self.clock.advance(RETRY / 2)
        for batch in range(6, 11):
            self._succeed(batch)
        assert self._begun()[6:] == [[1], [2], [3], [4], [5]]

    def test_the_farm_s_fault_is_a_line_in_the_log(self) -> None:
        """What is not to be had at the moment is said in one sentence; a traceback is for bugs."""
        self._submit(_operation(1))
        self.batches[-1][1].errback(UnavailableError("the disk is full"))
        assert self.flushLoggedErrors() == []

    def test_a_bug_drops_nothing(self) -> None:
        """A bug is logged with its traceback, and the operation stays."""
        self._submit(_operation(1))
        self.batches[-1][1].errback(ZeroDivisionError())
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1
        self.clock.advance(RETRY)
        self._succeed()
        assert [answer.number for answer in self.told] == [1]

    def test_stopped_while_it_waits(self) -> None:
        """A stop leaves no timer behind and begins nothing more."""
        self._submit(_operation(1))
        self.batches[-1][1].errback(OSError())
        self.queue.stop()
        assert self.clock.getDelayedCalls() == []

    def test_stopped_for_good(self) -> None:
        """What comes after a stop, while the connection is being closed, is begun by nobody: the master asks again."""
        self.queue.stop()
        self._submit(_operation(1))
        assert self._begun() == []
        assert self.clock.getDelayedCalls() == []

    def test_stopped_while_workers_work(self) -> None:
        """After a stop in the middle nothing begins, and nothing is told of what ends then, well or not."""
        self._submit(_operation(1), _operation(2), _operation(3, "b"))
        self.queue.stop()
        self._succeed(0)
        self._fail(1)
        assert self._begun() == [[1], [3]]
        assert self.told == []
        assert self.clock.getDelayedCalls() == []
