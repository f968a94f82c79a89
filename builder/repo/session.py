"""The conversation with the master: operations come, answers go."""

from collections.abc import Callable

from twisted.logger import Logger

from builder import __version__
from builder.clock import background
from builder.errors import BuilderError, TooLargeError
from builder.model.operation import NumberedOperation
from builder.protocol import Handlers, Peer
from builder.repo.answer import OperationAnswer, shortened
from builder.wire import PROTOCOL_VERSION, Done, Operate, RepoHello

_log = Logger()


class MasterSession:
    """The session of one connection with the master, which says hello as soon as it is made.

    An answer that finds the connection closed is dropped: after the next `RepoHello` the master asks again.
    """

    def __init__(self, peer: Peer, submit: Callable[[NumberedOperation], None]) -> None:
        self._peer = peer
        self._submit = submit
        background("Saying hello", self._hello())

    def handlers(self) -> Handlers:
        """Return the commands that the master may send, each with its handler."""
        return {Operate: self._operate}

    def disconnected(self, reason: str) -> None:
        """Leave the next connection to the dialler."""
        _log.debug("the session with the master has ended: {reason}", reason=reason)

    def tell(self, answer: OperationAnswer) -> None:
        """Tell the master the answer to an operation."""
        if not self._peer.closing:
            background("Answering", self._tell(answer))

    async def _hello(self) -> None:
        try:
            await self._peer.ask(RepoHello(protocol=PROTOCOL_VERSION, version=__version__))
        except BuilderError as error:
            _log.error("the master does not welcome this repository builder: {error}", error=error)
            self._peer.close(str(error))

    async def _operate(self, request: Operate) -> Done:
        self._submit(request.operation)
        return Done()

    async def _tell(self, answer: OperationAnswer) -> None:
        try:
            await self._peer.ask(answer)
        except TooLargeError:
            await self._tell(shortened(answer))
        except BuilderError as error:
            what = type(answer).__name__
            _log.warn("the master did not take {what} {number}: {error}", what=what, number=answer.number, error=error)
