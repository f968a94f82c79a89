"""Two peers joined by mutual TLS on loopback, and sessions that tests can wait for."""

import time
from typing import Any, cast

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase
from typing_extensions import override

from builder.config import Address, Credentials
from builder.protocol import Handlers, Peer, PeerFactory
from builder.tls import client_endpoint, listen
from builder.wire import Role
from tests.support.wire import MemorySession

LOOPBACK = Address(host="127.0.0.1", port=0)


class WaitingSession(MemorySession):
    """A session whose end can be waited for."""

    def __init__(self, peer: Peer, handlers: Handlers | None = None) -> None:
        super().__init__(peer, handlers)
        self.ended: Deferred[str] = Deferred()

    @override
    def disconnected(self, reason: str) -> None:
        super().disconnected(reason)
        self.ended.callback(reason)


class Side:
    """A side of a connection that is about to be made: what it accepts, its session, or why it refused the peer."""

    def __init__(self, *accepts: Role, handlers: Handlers | None = None, **options: Any) -> None:
        self.begun: Deferred[WaitingSession] = Deferred()
        self.refusal: Deferred[str] = Deferred()
        self.factory = PeerFactory(
            reactor, frozenset(accepts), self.session_for, now=time.time, refused=self._refused, **options
        )
        self._handlers = handlers

    def session_for(self, peer: Peer) -> WaitingSession:
        """Make the session, and go on with whoever waits for it."""
        session = WaitingSession(peer, self._handlers)
        self.begun.callback(session)
        return session

    def _refused(self, _: object, why: str) -> None:
        self.refusal.callback(why)


async def listening(test: TestCase, credentials: Credentials, side: Side) -> Address:
    """Where `side` takes connections until the end of the test."""
    port: Any = await listen(reactor, LOOPBACK, credentials, side.factory)
    test.addCleanup(port.stopListening)
    return Address(host="127.0.0.1", port=port.getHost().port)


async def dialled(test: TestCase, address: Address, credentials: Credentials, side: Side) -> Peer:
    """The connection that `side` makes, closed at the end of the test; its handshake is still to come."""
    peer = cast("Peer", await client_endpoint(reactor, address, credentials).connect(side.factory))

    async def close() -> None:
        peer.close("the test is over")
        await peer.closed

    test.addCleanup(lambda: Deferred.fromCoroutine(close()))
    return peer
