"""Two peers joined in memory: everything that crosses is serialized, cut and put together again as on a connection.

What is written arrives in a later turn of the clock: `clock.advance(0)` delivers until nothing moves any more.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IAddress, IConsumer, IPushProducer, IReactorTime, ITransport
from twisted.internet.task import Clock
from twisted.protocols import amp
from twisted.protocols.amp import AmpBox
from twisted.python.failure import Failure
from zope.interface import implementer

from builder.certificates import Identity
from builder.protocol import Handlers, Peer, PeerFactory, Session
from builder.wire import REQUESTS, Done, Ping, Request, Role

VALID_SECONDS = 3600.0
HIGH_WATER = 64 * 1024
SessionFor = Callable[[Peer], Session]
_ALL_BUT_PING = tuple(kind for kind in REQUESTS if kind is not Ping)


@implementer(ITransport, IConsumer, IPushProducer)
class MemoryTransport:
    """One end of a connection in memory, with the buffer and the back-pressure of a real one."""

    other: "MemoryTransport"
    protocol: "Peer | RawPeer"

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
    """A session that answers with `handlers`, and remembers the reason why it ended."""

    def __init__(self, peer: Peer, handlers: Handlers | None = None) -> None:
        self.peer = peer
        self._handlers = handlers or {}
        self.reason: str | None = None

    def handlers(self) -> Handlers:
        """Return what the test wants answered."""
        return self._handlers

    def disconnected(self, reason: str) -> None:
        """Remember the reason."""
        self.reason = reason


class MemorySessions:
    """One side, whose connections come one after the other; each is answered with `handlers`.

    Attributes:
        made: Its sessions, the newest last.
    """

    def __init__(self, handlers: Handlers | None = None) -> None:
        self._handlers = handlers
        self.made: list[MemorySession] = []

    @property
    def newest(self) -> MemorySession:
        """The session of the newest connection."""
        return self.made[-1]

    def session_for(self, peer: Peer) -> Session:
        """Make the session of one connection."""
        self.made.append(MemorySession(peer, self._handlers))
        return self.newest


class ScriptedSessions(MemorySessions):
    """A side that answers each kind of request with what `answers` has for it, and remembers what it heard.

    An answer may be an error to raise, or a Deferred to wait for; without one it is `Done`.
    """

    def __init__(self, *kinds: type[Request[Any]]) -> None:
        super().__init__(dict.fromkeys(kinds or _ALL_BUT_PING, self._answer))
        self.answers: dict[type[Request[Any]], Any] = {}
        self.heard: list[Request[Any]] = []

    async def _answer(self, request: Request[Any]) -> Any:
        self.heard.append(request)
        answer = self.answers.get(type(request), Done())
        if isinstance(answer, Exception):
            raise answer
        return await answer if isinstance(answer, Deferred) else answer


class RawPeer:
    """A peer that says whatever bytes the test wants, and remembers the boxes that it is sent."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.lost = False
        self._received = b""

    def makeConnection(self, transport: object) -> None:
        """Remember the transport."""
        self.transport = transport

    def dataReceived(self, data: bytes) -> None:
        """Keep what comes."""
        self._received += data

    def connectionLost(self, _: Failure) -> None:
        """Know it."""
        self.lost = True

    def heard(self) -> list[AmpBox]:
        """The boxes that came since this was last asked; none of them is half."""
        received, self._received = self._received, b""
        return list(amp.parseString(received))


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


P = TypeVar("P", Peer, RawPeer)
Q = TypeVar("Q", Peer, RawPeer)


def joined(clock: IReactorTime, a: P, b: Q) -> tuple[P, Q]:
    """Give two peers transports that lead to each other; their handshake is still to come."""
    ends = [MemoryTransport(clock), MemoryTransport(clock)]
    ends[0].other, ends[1].other = ends[1], ends[0]
    ends[0].protocol, ends[1].protocol = a, b
    a.makeConnection(ends[0])
    b.makeConnection(ends[1])
    return a, b


def raw_pair(clock: Clock, session_for: SessionFor, identity: Identity) -> tuple[Peer, RawPeer]:
    """Return a peer after its handshake, and the raw one on the other side, which has this identity."""
    factory = PeerFactory(clock, frozenset(Role), session_for, now=clock.seconds)
    peer, raw = joined(clock, factory.buildProtocol(None), RawPeer())
    peer.authenticated(identity, VALID_SECONDS)
    return peer, raw


def connected_pair(
    session_for_a: SessionFor,
    identity_a: Identity,
    session_for_b: SessionFor,
    identity_b: Identity,
    clock: IReactorTime | None = None,
) -> MemoryWire:
    """Return two peers after their handshake; each side's session is made with the peer of the other identity.

    With a `Clock` (the default) call `wire.flush()` after asking; with a real reactor it delivers by itself.
    """
    clock = clock or Clock()
    everybody = frozenset(Role)
    made = (session_for_a, session_for_b)
    factories = [PeerFactory(clock, everybody, session_for, now=clock.seconds) for session_for in made]
    a, b = joined(clock, *(factory.buildProtocol(None) for factory in factories))
    a.authenticated(identity_b, VALID_SECONDS)
    b.authenticated(identity_a, VALID_SECONDS)
    return MemoryWire(clock, a, b)
