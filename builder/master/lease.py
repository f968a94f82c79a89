"""Leases: how long the master believes in a slave that it does not hear, by the monotonic clock.

A disconnect alone changes nothing, since a slave comes back in time and goes on. When the master starts, every slave
that is not lost gets the whole time, for it cannot know how long it was away itself. The same holds when it could not
run for a while: a master that did not listen cannot tell who was silent.
"""

import math
from collections.abc import Awaitable, Callable, Iterable

from twisted.internet.interfaces import IReactorTime

from builder.master.bell import Bell
from builder.master.rounds import rounds
from builder.protocol import Peer

LOOK = 2.0
"""Seconds between two looks; a lost slave is found so much later at the most."""


class Leases:
    """Leases of the slaves that are not lost, by when each was heard last.

    `lost` is called with the name of each slave that was silent for longer than `lease` and `grace` seconds, and with
    the number of seconds for which a slave may be silent.
    """

    def __init__(
        self, clock: IReactorTime, lease: float, grace: float, lost: Callable[[str, float], Awaitable[None]]
    ) -> None:
        self.lease = lease
        self._clock = clock
        self._seconds = lease + grace
        self._lost = lost
        self._peers: dict[str, Peer] = {}
        self._silent_since: dict[str, float] = {}
        self._listening_since = clock.seconds()
        self._due = math.inf

    def begin(self, slaves: Iterable[str]) -> None:
        """Begin the leases of slaves that are not lost when the master starts."""
        for slave in slaves:
            self._silent_since.setdefault(slave, self._clock.seconds())

    def heard(self, slave: str, peer: Peer) -> None:
        """Note that a slave has said hello; from now on its connection tells how silent it is."""
        self._peers[slave] = peer
        self._silent_since.pop(slave, None)

    def parted(self, slave: str, peer: Peer) -> None:
        """Note that a connection is lost; if it was the slave's newest, its silence began when it was heard last."""
        if self._peers.get(slave) is peer:
            del self._peers[slave]
            self._silent_since[slave] = self._clock.seconds() - peer.silence()

    async def run(self) -> None:
        """Look now and then, until cancelled."""
        await rounds("Looking for lost slaves", Bell(), self._clock, self.look)

    async def look(self) -> float:
        """Cut silent connections, and tell which slaves are lost; return the seconds until the next look."""
        now, pause = self._clock.seconds(), min(LOOK, self._seconds / 2)
        if now > self._due + pause:
            self._listening_since = now
        self._due = math.inf  # one that fails is followed by another whenever that is
        if now - self._listening_since > self._seconds:
            self._cut_silent()
            await self._lose_silent()
        self._due = self._clock.seconds() + pause
        return pause

    def _cut_silent(self) -> None:
        for peer in tuple(self._peers.values()):
            if peer.silence() > self._seconds:
                peer.abort(f"nothing was heard for {self._seconds:g} seconds")

    async def _lose_silent(self) -> None:
        for slave in tuple(self._silent_since):
            # A slave that says hello while another one is given up is not silent any more.
            since = self._silent_since.get(slave)
            if since is not None and self._clock.seconds() - since > self._seconds:
                await self._lost(slave, self._seconds)
                if self._silent_since.get(slave) == since:  # it has not come and gone meanwhile
                    del self._silent_since[slave]
