"""The conversation with the master: operations come, answers go."""

from collections.abc import Callable

from twisted.logger import Logger

from builder import __version__
from builder.clock import background
from builder.errors import BuilderError, TooLargeError
from builder.model.operation import NumberedOperation
from builder.protocol import Handlers, Peer
from builder.repo.answer import Answer, shortened
from builder.wire import PROTOCOL_VERSION, Done, Operate, RepoHello

_log = Logger()


class MasterSession:
    """What each connection to the master means here, one after the other.

    An answer that finds no connection is dropped: after the next `RepoHello` the master asks again.
    """

    def __init__(self, submit: Callable[[NumberedOperation], None]) -> None:
        self._submit = submit
        self._peer: Peer | None = None

    def handlers(self) -> Handlers:
        """What the master may ask."""
        return {Operate: self._operate}

    def connected(self, peer: Peer) -> None:
        """Say who is there."""
        self._peer = peer
        background("Saying hello", self._hello(peer))

    def disconnected(self, reason: str) -> None:
        """Wait for the next connection, which the dialler makes."""
        _log.debug("the session with the master has ended: {reason}", reason=reason)
        self._peer = None

    def tell(self, answer: Answer) -> None:
        """Tell the master what became of an operation."""
        if self._peer is not None:
            background("Answering", self._tell(self._peer, answer))

    async def _hello(self, peer: Peer) -> None:
        try:
            await peer.ask(RepoHello(protocol=PROTOCOL_VERSION, version=__version__))
        except BuilderError as error:
            _log.error("the master does not welcome this repository builder: {error}", error=error)
            peer.close(str(error))

    async def _operate(self, request: Operate) -> Done:
        self._submit(request.operation)
        return Done()

    async def _tell(self, peer: Peer, answer: Answer) -> None:
        try:
            await peer.ask(answer)
        except TooLargeError:
            await self._tell(peer, shortened(answer))
        except BuilderError as error:
            what = type(answer).__name__
            _log.warn("the master did not take {what} {number}: {error}", what=what, number=answer.number, error=error)
