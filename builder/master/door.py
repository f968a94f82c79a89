"""The door for daemons: it knows who came in and who has not said who they are, and sends all away."""

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import Factory
from typing_extensions import override

from builder.clock import background, sleep
from builder.protocol import Peer, PeerFactory, Session
from builder.wire import Role

FAREWELL = 0.5
"""Seconds that peers have to end their connections when the master stops."""
STRANGERS = 200
"""Most connections that are without a handshake at once; each has 15 s for it."""


class Door(Factory):
    """The door where daemons come in; it knows who is inside, so that all can be sent away."""

    noisy = False

    def __init__(
        self, clock: Any, session_for: Callable[[Peer], Session], ping_every: float, now: Callable[[], float]
    ) -> None:
        daemons = frozenset({Role.SLAVE, Role.REPO})
        self._factory = PeerFactory(clock, daemons, session_for, now=now, ping_every=ping_every)
        self._peers: set[Peer] = set()

    @override
    def buildProtocol(self, addr: IAddress | None) -> Peer | None:
        """Return the peer of a new connection, None if too many are there that have not said who they are."""
        if sum(peer.stranger for peer in self._peers) >= STRANGERS:
            return None
        peer = self._factory.buildProtocol(addr)
        self._peers.add(peer)
        background("Seeing a daemon off", self._until_gone(peer))
        return peer

    async def send_away(self, clock: IReactorTime) -> None:
        """Close every connection; those that do not end soon are cut."""
        for peer in tuple(self._peers):
            peer.close("the master stops")
        deadline = clock.seconds() + FAREWELL
        while self._peers and clock.seconds() < deadline:
            await sleep(clock, FAREWELL / 20)
        for peer in tuple(self._peers):
            peer.abort("the master stops")

    async def _until_gone(self, peer: Peer) -> None:
        await peer.closed
        self._peers.discard(peer)
