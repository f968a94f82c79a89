"""The sink of an answer, which sends it no faster than it is read, and no longer than somebody reads it."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from twisted.web.server import Request
from zope.interface import implementer

from builder.web.channel import abort

PIECE = 65_536
"""Most bytes that are written at once."""

PATIENCE = 60.0
"""Seconds within which a client has to take what waits for it: a piece, and what the kernel holds."""


async def send(request: Request, chunks: AsyncGenerator[bytes, None], clock: IReactorTime) -> None:
    """Send a body and finish the request; cancelling, as when the client has gone away, stops in the middle."""
    sink = _Sink(request, clock)
    request.registerProducer(sink, True)
    try:
        async with aclosing(chunks):
            request.write(b"")  # the headers go out, even when the first chunk takes a while
            async for chunk in chunks:
                request.write(chunk)
                await sink.room()
    finally:
        sink.close()
    request.finish()


async def pieces(body: bytes) -> AsyncGenerator[bytes, None]:
    """Yield a body that is there already, in pieces of a size that goes out well."""
    for start in range(0, len(body), PIECE):
        yield body[start : start + PIECE]


@implementer(IPushProducer)
class _Sink:
    """The producer of one answer: paused while the transport is full, and aborted where it stays full."""

    def __init__(self, request: Request, clock: IReactorTime) -> None:
        self._request = request
        self._clock = clock
        self._room: Deferred[None] | None = None
        self._patience: IDelayedCall | None = None

    async def room(self) -> None:
        """Wait until the transport takes more."""
        if self._patience is not None:
            self._room = Deferred()
            await self._room

    def close(self) -> None:
        """Stop being the request's producer."""
        self.resumeProducing()
        if self._request.channel is not None:
            self._request.unregisterProducer()

    def pauseProducing(self) -> None:
        """Pause, since the transport is full."""
        if self._patience is None:
            self._patience = self._clock.callLater(PATIENCE, self._give_up)

    def resumeProducing(self) -> None:
        """Resume, since the transport takes more."""
        if self._patience is not None and self._patience.active():
            self._patience.cancel()
        self._patience = None
        if self._room is not None:
            room, self._room = self._room, None
            room.callback(None)

    def stopProducing(self) -> None:
        """Stop, since the connection is gone; the request says so itself."""

    def _give_up(self) -> None:
        abort(self._request)
