"""HTTP connections with bounds: how many there are, how long a request may take to arrive, and how long its body is."""

from typing import Any

from twisted.internet.interfaces import IAddress, IPushProducer, IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.resource import IResource
from twisted.web.server import Request, Site
from typing_extensions import override

CONNECTIONS = 1000
"""Most connections at once; the next one is closed at once."""

ARRIVAL = 60
"""Seconds within which a request has to be there, counted from the connection or from the last answer."""

BODY = 4 * 1024 * 1024
"""Most bytes of a request's body: the definition of a farm with 10,000 packages."""

_TOO_LARGE = b'{"error":"TOO_LARGE","message":"What was sent is too large: the limit is 4 MiB"}\n'


class BoundedRequest(Request):
    """A request whose body is bounded, even if it does not say how long it is.

    A body that is too long is answered at once, then read to its end and thrown away, as long as it arrives in time:
    a client that is cut off while it sends never reads why.
    """

    defaultContentType = None
    _received = 0
    _refused = False

    @override
    def gotLength(self, length: int | None) -> None:
        """Refuse a body that is too long by the headers."""
        super().gotLength(length)
        if length is not None and length > BODY:
            self._refuse()

    @override
    def handleContentChunk(self, data: bytes) -> None:
        """Take a part of the body, or refuse it."""
        self._received += len(data)
        if not self._refused and self._received > BODY:
            self._refuse()
        if not self._refused:
            super().handleContentChunk(data)

    @override
    def process(self) -> None:
        """Answer the request, all of which is there."""
        if self._refused:
            self.channel.loseConnection()
        else:
            super().process()

    def _refuse(self) -> None:
        self._refused = True
        head = b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Type: application/json\r\n"
        self.channel.write(head + b"Content-Length: %d\r\n\r\n" % len(_TOO_LARGE) + _TOO_LARGE)


class BoundedChannel(HTTPChannel):
    """A connection on which a request has to arrive within `ARRIVAL` as a whole, however slowly it drips.

    It also tells a producer that is registered while the transport is full to wait, which HTTPChannel leaves out: a
    client that pipelines requests and reads no answers would otherwise be sent whole files into memory.
    """

    factory: "BoundedSite"
    transport: Any
    _full = False

    @override
    def connectionMade(self) -> None:
        """Count the connection of a new client."""
        self.factory.connections.add(self)
        super().connectionMade()

    @override
    def dataReceived(self, data: bytes) -> None:
        """Take data, but not as a reason to wait longer."""
        LineReceiver.dataReceived(self, data)

    @override
    def pauseProducing(self) -> None:
        """Stop producing, since the transport is full."""
        self._full = True
        super().pauseProducing()

    @override
    def resumeProducing(self) -> None:
        """Go on, since the transport takes more."""
        self._full = False
        super().resumeProducing()

    @override
    def registerProducer(self, producer: IPushProducer, streaming: bool) -> None:
        """Register the producer of an answer; it waits if the transport is full."""
        super().registerProducer(producer, streaming)
        if self._full:
            producer.pauseProducing()

    @override
    def timeoutConnection(self) -> None:
        """Close the connection; the base class would log each, and idle ones are no news."""
        if self._full:
            self.transport.abortConnection()
        else:
            self.loseConnection()

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Forget the connection, whose client is gone."""
        self.factory.connections.discard(self)
        super().connectionLost(reason)


def abort(request: Request) -> None:
    """End a request's connection at once, whatever is still to be sent: so the client sees that it is not whole."""
    transport: Any = request.transport
    transport.abortConnection()


class BoundedSite(Site):
    """A site that keeps no access log and bounds its connections; when its port closes, so do they."""

    noisy = False
    protocol = BoundedChannel  # type: ignore[assignment]  # without the proxy that would let it become HTTP/2

    def __init__(self, resource: IResource, clock: IReactorTime) -> None:
        super().__init__(
            resource, requestFactory=BoundedRequest, parsePOSTFormSubmission=False, timeout=ARRIVAL, reactor=clock
        )
        self.connections: set[BoundedChannel] = set()

    @override
    def buildProtocol(self, addr: IAddress | None) -> Any:
        """Return a channel for a new connection, or none when there are too many."""
        return super().buildProtocol(addr) if len(self.connections) < CONNECTIONS else None

    @override
    def startFactory(self) -> None:
        """Begin to listen; the base class would start a timer that fires each second, for its access log."""

    @override
    def stopFactory(self) -> None:
        """Stop listening."""
        for channel in tuple(self.connections):
            channel.transport.abortConnection()
