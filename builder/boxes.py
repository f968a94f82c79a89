"""AMP boxes on one connection, bounded in every direction.

Twisted's AMP takes what comes: any number of keys in a box, half a box for ever, and answers that nobody reads pile
up in memory. Here a box has at most `MAX_KEYS` keys and `MAX_BOX` bytes and arrives within `BOX_SECONDS`. Data to be
sent stays in an `Outbox` of our own until the transport has room, and a peer that lets more than `MAX_UNSENT` bytes
pile up is cut off. Time during which this side does not want to read is not held against the peer.
"""

import socket
from collections import deque
from typing import Any

from twisted.internet.interfaces import IConsumer, IDelayedCall, IPushProducer, IReactorTime, ITCPTransport
from twisted.internet.protocol import connectionDone
from twisted.protocols.amp import AmpBox, BinaryBoxProtocol
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from builder.errors import UnavailableError
from builder.tls import explain

MAX_KEYS = 8
"""Most keys of a box: a question has three, an answer two, an error three."""
MAX_BOX = 65_535 + 1024
"""Bytes of the largest box: it has room for one value of AMP's longest length, and the short ones beside it."""
BOX_SECONDS = 30.0
CLOSE_SECONDS = 5.0
"""Seconds for which a closed connection may go on sending what is left, before it is cut."""
MAX_UNSENT = 64 * 1024 * 1024
WRITE = 64 * 1024
"""The most bytes in one write: Twisted's cost per byte doubles above about 96 KiB."""
LOW_WATER = 128 * 1024
"""Unsent bytes below which the kernel asks for more: what comes next waits behind no more than that."""


@implementer(IPushProducer)
class Outbox:
    """The outbox: data that waits until the transport has room, first in, first out."""

    def __init__(self, transport: IConsumer) -> None:
        self._transport = transport
        self._waiting: deque[bytes] = deque()
        self._full = False
        self.unsent = 0
        transport.registerProducer(self, True)

    def send(self, data: bytes) -> None:
        """Write `data`, at once or when there is room."""
        for start in range(0, len(data), WRITE):
            self._waiting.append(data[start : start + WRITE])
        self.unsent += len(data)
        self._flush()

    def finish(self) -> None:
        """Write all that waits to the transport; nothing is sent after that."""
        self._full = False
        self._flush()
        self._transport.unregisterProducer()

    def _flush(self) -> None:
        while self._waiting and not self._full:
            data = self._waiting.popleft()
            self.unsent -= len(data)
            self._transport.write(data)

    def pauseProducing(self) -> None:
        """Stop writing, since the transport has enough."""
        self._full = True

    def resumeProducing(self) -> None:
        """Write more, since the transport has sent what it had."""
        self._full = False
        self._flush()

    def stopProducing(self) -> None:
        """Drop the data, since the connection is gone."""
        self._waiting.clear()
        self.unsent = 0
        self._full = True


class BoundedBoxes(BinaryBoxProtocol):
    """A receiver and sender of boxes on one connection; a subclass says in `ampBoxReceived` what they mean."""

    transport: Any  # TLS over TCP, or one in memory

    def __init__(self, clock: IReactorTime) -> None:
        super().__init__(self)
        self._clock = clock
        self._why: str | None = None
        self._heard = clock.seconds()
        self._unfinished = 0
        self._size = 0
        self._keys = 0
        self._began: float | None = None
        self._timer: IDelayedCall | None = None
        self._receiving = False
        self._lost = False

    @property
    def closing(self) -> bool:
        """Tell if this side has closed the connection, or it is lost."""
        return self._why is not None

    def silence(self) -> float:
        """Return the seconds for which nothing was heard, not counting the time when this side did not listen."""
        return 0.0 if self.paused else self._clock.seconds() - self._heard

    def pause(self) -> None:
        """Read nothing more until `resume`; boxes that have arrived wait, and the peer's time does not run."""
        if not self.paused and not self.closing:
            self._stop_timer()
            self.pauseProducing()

    def resume(self) -> None:
        """Go on reading, with what has arrived first; half a box gets its whole time again."""
        if not self.paused or self.closing:
            return
        self._heard = self._clock.seconds()
        if self._receiving:
            self.paused = False  # the loop that takes boxes apart is still there, and must not begin anew
            self.transport.resumeProducing()
        else:
            self.resumeProducing()

    def close(self, why: str) -> None:
        """Send what is left and close; `why` is the reason for this side's session."""
        if self.closing:
            return
        self._why = why
        self._stop_timer()
        self._outbox.finish()
        if self.paused:
            self.transport.resumeProducing()  # or the other side's goodbye would never be read
        self.transport.loseConnection()
        self._timer = self._clock.callLater(CLOSE_SECONDS, self.transport.abortConnection)

    def abort(self, why: str) -> None:
        """Cut the connection at once, because nothing good comes from it any more."""
        if self._why is None:
            self._why = why
        if not self._lost:
            self.transport.abortConnection()

    @override
    def connectionMade(self) -> None:
        """Make the outbox; the peer is not known before the end of the handshake."""
        prefer_latency(self.transport)
        self._outbox = Outbox(self.transport)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell `stopReceivingBoxes` the reason: that of this side's `close`, or that of the failure."""
        self._lost = True
        self._stop_timer()
        if self._why is None:
            self._why = explain(reason, self.transport)
        super().connectionLost(Failure(UnavailableError(self._why)))

    def startReceivingBoxes(self, sender: object) -> None:
        """Do nothing: boxes can come."""

    @override
    def sendBox(self, box: AmpBox) -> None:
        """Send a box, unless the connection is closed."""
        if self.closing:
            return
        self._outbox.send(box.serialize())
        if self._outbox.unsent > MAX_UNSENT:
            self.abort("it does not read what it is sent")

    @override
    def dataReceived(self, data: bytes) -> None:
        """Take the received data apart into boxes; a box that is not complete after that gets its time."""
        if self.closing:
            return
        self._heard = self._clock.seconds()
        self._unfinished += len(data)
        self._receiving = True
        try:
            super().dataReceived(data)
        finally:
            self._receiving = False
        if self._unfinished and not self.paused and not self.closing:
            self._began = self._heard if self._began is None else self._began
            self._timer = self._timer or self._clock.callLater(BOX_SECONDS, self._check)

    @override
    def stringReceived(self, string: bytes) -> None:
        """Take a complete key or value; an empty key ends the box."""
        if self.closing:
            return
        self._size += 2 + len(string)
        if self._size > MAX_BOX:
            self.close(f"it sent a box of more than {MAX_BOX} bytes")
        else:
            super().stringReceived(string)

    @override
    def proto_key(self, string: bytes) -> str:
        """Take a complete key."""
        self._keys += 1
        if not string:
            self._unfinished -= self._size
            self._size = self._keys = 0
            self._began = None
        elif self._keys > MAX_KEYS:
            self.close(f"it sent a box of more than {MAX_KEYS} keys")
        return str(super().proto_key(string))

    @override
    def lengthLimitExceeded(self, length: int) -> None:
        """Close the connection: a key is announced that is longer than AMP allows."""
        self.close(f"it sent a key of {length} bytes")

    def _check(self) -> None:
        """Cut the connection if the box that is under way has had its time; it may be a later one than the timer's."""
        self._timer = None
        if self._began is None:
            return
        left = self._began + BOX_SECONDS - self._clock.seconds()
        if left > 0:
            self._timer = self._clock.callLater(left, self._check)
        else:
            self.abort(f"it began a box and did not end it within {BOX_SECONDS:g} seconds")

    def _stop_timer(self) -> None:
        if self._timer and self._timer.active():
            self._timer.cancel()
        self._timer = None


def prefer_latency(transport: Any) -> None:
    """Send small boxes at once, and keep large ones out of the kernel until it can send them, where it is TCP."""
    if ITCPTransport.providedBy(transport):
        tcp: Any = getattr(transport, "transport", transport)
        tcp.setTcpNoDelay(True)
        tcp.getHandle().setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, LOW_WATER)
