"""Two peers joined in memory: everything that crosses is serialized, cut and put together again as on a connection.

What is written arrives in a later turn of the clock: `clock.advance(0)` delivers until nothing moves any more.
"""

from collections.abc import Iterable
from functools import partial
from typing import Any

from twisted.internet.address import UNIXAddress
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IAddress, IConsumer, IPushProducer, IReactorTime, ITransport
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

from builder.certificates import Identity
from builder.protocol import Handlers, Peer, PeerFactory, Session
from builder.wire import Role

VALID_SECONDS = 3600.0
HIGH_WATER = 64 * 1024


@implementer(ITransport, IConsumer, IPushProducer)
class MemoryTransport:
    """One end of a connection in memory, with the buffer and the back-pressure of a real one."""

    other: "MemoryTransport"
    protocol: Peer

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._buffer = b""
        self._producer: Any = None
        self._delivering = False
        self._reading = True
        self._closing = False
        self.lost = False
        self.writes: list[int] = []

    def write(self, data: bytes) -> None:
        """Keep `data` until the other end reads."""
        if self.lost or self._closing:
            return
        self.writes.append(len(data))
        self._buffer += data
        if self._producer and len(self._buffer) >= HIGH_WATER:
            self._producer.pauseProducing()
        self._deliver_soon()

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """Keep several pieces."""
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        """Close once all is delivered."""
        self._closing = True
        self._deliver_soon()

    def abortConnection(self) -> None:
        """Close at once; what is not delivered is lost."""
        self._buffer = b""
        self._clock.callLater(0, self._lose, ConnectionLost())

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Remember whom to stop when the buffer is full."""
        assert streaming
        self._producer = producer

    def unregisterProducer(self) -> None:
        """Nobody has to be stopped any more."""
        self._producer = None

    def pauseProducing(self) -> None:
        """Read nothing."""
        self._reading = False

    def resumeProducing(self) -> None:
        """Read what waits."""
        self._reading = True
        self.other._deliver_soon()

    def stopProducing(self) -> None:
        """Read nothing ever again."""
        self.loseConnection()

    def getPeer(self) -> IAddress:
        """The other end has no address."""
        return UNIXAddress(b"memory")

    getHost = getPeer

    def _deliver_soon(self) -> None:
        if not self._delivering:
            self._delivering = True
            self._clock.callLater(0, self._deliver)

    def _deliver(self) -> None:
        self._delivering = False
        if self.lost or not self.other._reading:
            return
        data, self._buffer = self._buffer[:HIGH_WATER], self._buffer[HIGH_WATER:]
        if data:
            self.other.protocol.dataReceived(data)
            self._deliver_soon()
        elif self._closing:
            self._lose(ConnectionDone())
        elif self._producer:
            self._producer.resumeProducing()

    def _lose(self, reason: Exception) -> None:
        for end in (self, self.other):
            if not end.lost:
                end.lost = True
                if end._producer:
                    end._producer.stopProducing()
                end.protocol.connectionLost(Failure(reason))


class MemorySession:
    """A session that answers with `handlers` and remembers what it was told."""

    def __init__(self, handlers: Handlers | None = None) -> None:
        self._handlers = handlers or {}
        self.peer: Peer | None = None
        self.reason: str | None = None

    def handlers(self) -> Handlers:
        """What the test wants answered."""
        return self._handlers

    def connected(self, peer: Peer) -> None:
        """Remember the peer."""
        self.peer = peer

    def disconnected(self, reason: str) -> None:
        """Remember the reason."""
        self.reason = reason


class MemoryWire:
    """Two connected peers: `a` is what the side of `identity_a` holds, so `a.identity` is `identity_b`."""

    def __init__(self, clock: IReactorTime, a: Peer, b: Peer) -> None:
        self.clock = clock
        self.a = a
        self.b = b

    def flush(self) -> None:
        """Deliver all that is under way, and what is said in answer to it."""
        assert isinstance(self.clock, Clock)
        self.clock.advance(0)

    def cut(self) -> None:
        """Lose the connection; what was under way is lost. Both sides know after the next `flush`."""
        self.a.transport.abortConnection()


def joined(clock: IReactorTime, factory_a: PeerFactory, factory_b: PeerFactory) -> tuple[Peer, Peer]:
    """Two peers with transports that lead to each other, before any handshake."""
    ends = [MemoryTransport(clock), MemoryTransport(clock)]
    ends[0].other, ends[1].other = ends[1], ends[0]
    peers = [factory.buildProtocol(end.getPeer()) for factory, end in zip((factory_a, factory_b), ends, strict=True)]
    for peer, end in zip(peers, ends, strict=True):
        end.protocol = peer
        peer.makeConnection(end)
    return peers[0], peers[1]


def _session(session: Session, _: Identity) -> Session:
    return session


def connected_pair(
    session_a: Session,
    identity_a: Identity,
    session_b: Session,
    identity_b: Identity,
    clock: IReactorTime | None = None,
) -> MemoryWire:
    """Two peers after their handshake; each `session` is told `connected` with the peer of the other identity.

    With a `Clock` (the default) call `wire.flush()` after asking; with a real reactor it delivers by itself.
    """
    clock = clock or Clock()
    everybody = frozenset(Role)
    factories = [PeerFactory(clock, everybody, partial(_session, s)) for s in (session_a, session_b)]
    a, b = joined(clock, factories[0], factories[1])
    a.authenticated(identity_b, VALID_SECONDS)
    b.authenticated(identity_a, VALID_SECONDS)
    return MemoryWire(clock, a, b)
