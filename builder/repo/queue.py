"""The operations that wait, and the one worker that carries them out."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from builder.clock import started
from builder.errors import BuilderError
from builder.model.operation import Operation
from builder.repo.answer import Answer

RETRY = 10.0
"""Seconds until an operation that the farm could not carry out is tried again."""

_log = Logger()


@dataclass
class _Waiting:
    """An operation that is to be carried out at the time `due` of the clock or later, and `alone` if it failed."""

    operation: Operation
    due: float
    alone: bool = False


class Queue:
    """Operations in, answers out.

    What waits for the same project when the worker is free is carried out together, so that it shares generations.
    When that fails, and it is the farm's fault (a full disk, say), each is tried by itself, and what fails again is
    tried again later, while the others go on; nothing is dropped. Nothing is kept on disk: the master gives again what
    it has no answer to.
    """

    def __init__(
        self,
        clock: IReactorTime,
        carry_out: Callable[[Sequence[Operation]], Awaitable[Sequence[Answer]]],
        tell: Callable[[Answer], None],
    ) -> None:
        self._clock = clock
        self._carry_out = carry_out
        self._tell = tell
        self._waiting: dict[int, _Waiting] = {}
        self._stopped = False
        self._busy = False
        self._work: Deferred[None] = succeed(None)
        self._timer: IDelayedCall | None = None

    def submit(self, operation: Operation) -> None:
        """Have an operation carried out; one that waits already stays as it is."""
        self._waiting.setdefault(operation.number, _Waiting(operation, self._clock.seconds()))
        self._look()

    def stop(self) -> None:
        """Begin nothing more; what the worker is just doing is its own affair."""
        self._stopped = True
        self._rest()
        self._work.cancel()

    def _look(self) -> None:
        """Begin with what is due, unless something is going on."""
        if not self._busy and not self._stopped:
            self._rest()
            self._busy = True
            self._work = started("Carrying out operations", self._until_done())

    def _rest(self) -> None:
        """Wait for no time any more."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    async def _until_done(self) -> None:
        try:
            while batch := self._together():
                await self._attempt(batch)
        except CancelledError:
            return
        finally:
            self._busy = False
        if self._waiting:
            next_due = min(waiting.due for waiting in self._waiting.values())
            self._timer = self._clock.callLater(max(0, next_due - self._clock.seconds()), self._look)

    def _together(self) -> Sequence[_Waiting]:
        """The oldest operation that is due, and whatever can share its generations."""
        now = self._clock.seconds()
        due = [waiting for waiting in self._waiting.values() if waiting.due <= now]
        if not due or due[0].alone:
            return due[:1]
        project = due[0].operation.order.project
        return [waiting for waiting in due if not waiting.alone and waiting.operation.order.project == project]

    async def _attempt(self, batch: Sequence[_Waiting]) -> None:
        try:
            answers = await self._carry_out([waiting.operation for waiting in batch])
        except CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever goes wrong here, the operations stay
            self._put_back(batch, error)
            return
        for answer in answers:
            self._waiting.pop(answer.number, None)
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
