"""The queue of operations, and its workers: one for each project that has operations, up to a number."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from builder.clock import background
from builder.errors import BuilderError
from builder.model.operation import NumberedOperation
from builder.repo.answer import OperationAnswer

RETRY = 10.0
"""Seconds until an operation that the farm could not carry out is tried again."""

_log = Logger()


@dataclass
class _Waiting:
    """An operation that is to be carried out at the time `due` of the clock or later, and `alone` if it failed."""

    operation: NumberedOperation
    due: float
    alone: bool = False

    @property
    def project(self) -> str:
        return self.operation.operation.project


class Queue:
    """Operations in, answers out.

    Each project is worked on by one worker at a time, and up to `workers` projects at once: a long operation keeps only
    those of its own project waiting. What waits for the same project when a worker is free for it is carried out
    together, so that it shares generations. When that fails, and it is the farm's fault (a full disk, say), each is
    tried by itself, and what fails again is tried again later, while the others go on; nothing is dropped. Nothing is
    kept on disk: the master gives again what it has no answer to.
    """

    def __init__(
        self,
        clock: IReactorTime,
        workers: int,
        carry_out: Callable[[Sequence[NumberedOperation]], Awaitable[Sequence[OperationAnswer]]],
        tell: Callable[[OperationAnswer], None],
    ) -> None:
        self._clock = clock
        self._workers = workers
        self._carry_out = carry_out
        self._tell = tell
        self._waiting: dict[int, _Waiting] = {}
        self._busy: set[str] = set()
        self._stopped = False
        self._timer: IDelayedCall | None = None

    def submit(self, operation: NumberedOperation) -> None:
        """Have an operation carried out; an operation that waits already stays as it is."""
        self._waiting.setdefault(operation.number, _Waiting(operation, self._clock.seconds()))
        self._look()

    def stop(self) -> None:
        """Begin no more operations and tell no more answers; the workers finish the operations that they are at."""
        self._stopped = True
        self._rest()

    def _look(self) -> None:
        """Begin with the operations that are due, as far as there are workers, and look again when more will be."""
        while not self._stopped and len(self._busy) < self._workers and (batch := self._together()):
            self._busy.add(batch[0].project)
            background("Carrying out operations", self._attempt(batch))
        self._rest()
        now = self._clock.seconds()
        later = [waiting.due for waiting in self._waiting.values() if waiting.due > now]
        if later and not self._stopped:
            self._timer = self._clock.callLater(min(later) - now, self._look)

    def _rest(self) -> None:
        """Cancel the next look."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _together(self) -> Sequence[_Waiting]:
        """Return the oldest due operation of a project that is not worked on, and all that share its generations."""
        now = self._clock.seconds()
        due = [one for one in self._waiting.values() if one.due <= now and one.project not in self._busy]
        if not due or due[0].alone:
            return due[:1]
        return [one for one in due if not one.alone and one.project == due[0].project]

    async def _attempt(self, batch: Sequence[_Waiting]) -> None:
        """Carry these operations out, which are of one project; the answers are dropped after a stop."""
        try:
            answers = await self._carry_out([waiting.operation for waiting in batch])
        except Exception as error:  # noqa: BLE001 - whatever goes wrong here, the operations stay
            self._put_back(batch, error)
        else:
            self._answer(answers)
        finally:
            self._busy.discard(batch[0].project)
            self._look()

    def _answer(self, answers: Sequence[OperationAnswer]) -> None:
        for answer in answers:
            self._waiting.pop(answer.number, None)
            if not self._stopped:
                self._tell(answer)

    def _put_back(self, batch: Sequence[_Waiting], error: Exception) -> None:
        numbers = [waiting.operation.number for waiting in batch]
        if isinstance(error, OSError | BuilderError):
            _log.error("operations {numbers} will be tried again: {error}", numbers=numbers, error=error)
        else:
            _log.failure("operations {numbers} will be tried again", numbers=numbers)
        for waiting in batch:
            waiting.due = self._clock.seconds() + (RETRY if len(batch) == 1 else 0)
            waiting.alone = True
