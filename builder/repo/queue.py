"""The operations that wait, and the one worker that carries them out."""

from collections.abc import Awaitable, Callable, Sequence

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from builder.clock import sleep, started
from builder.model.operation import Operation
from builder.repo.operations import Answer

RETRY = 10.0
"""Seconds until operations that the farm could not carry out are tried again."""

_log = Logger()


class Queue:
    """Operations in, answers out.

    What waits for the same project when the worker is free is carried out together, so that it shares generations.
    When that fails, and it is the farm's fault (a full disk, say), each is tried again by itself, so that one cannot
    hold up the others; nothing is dropped. Nothing is kept on disk: the master gives again what it has no answer to.
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
        self._waiting: dict[int, Operation] = {}
        self._alone: set[int] = set()
        self._busy = False
        self._work: Deferred[None] = succeed(None)

    def submit(self, operation: Operation) -> None:
        """Have an operation carried out; one that waits already stays where it is."""
        self._waiting.setdefault(operation.number, operation)
        if not self._busy:
            self._busy = True
            self._work = started("Carrying out operations", self._until_done())

    def stop(self) -> None:
        """Begin nothing more; what the worker is just doing is its own affair."""
        self._waiting.clear()
        self._work.cancel()

    async def _until_done(self) -> None:
        try:
            while self._waiting:
                await self._attempt(self._together())
        except CancelledError:
            pass
        finally:
            self._busy = False

    def _together(self) -> tuple[Operation, ...]:
        """The oldest operation and whatever can share its generations."""
        oldest = next(iter(self._waiting.values()))
        if oldest.number in self._alone:
            return (oldest,)
        return tuple(
            operation
            for operation in self._waiting.values()
            if operation.number not in self._alone and operation.order.project == oldest.order.project
        )

    async def _attempt(self, operations: Sequence[Operation]) -> None:
        try:
            answers = await self._carry_out(operations)
        except CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever goes wrong here, the operations stay
            self._put_back(operations, error)
            if len(operations) == 1:
                await sleep(self._clock, RETRY)
            return
        for answer in answers:
            self._waiting.pop(answer.number, None)
            self._alone.discard(answer.number)
            self._tell(answer)

    def _put_back(self, operations: Sequence[Operation], error: Exception) -> None:
        numbers = [operation.number for operation in operations]
        if isinstance(error, OSError):
            _log.error("operations {numbers} will be tried again: {error}", numbers=numbers, error=error)
        else:
            _log.failure("operations {numbers} will be tried again", numbers=numbers)
        for operation in operations:
            self._alone.add(operation.number)
            self._waiting[operation.number] = self._waiting.pop(operation.number)
