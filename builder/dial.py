"""The dialler: one connection with the master, for as long as the daemon lives.

It connects, talks until the connection ends, waits a little longer after each failure, and connects again. An answer
from the master counts as success, a connection does not: in TLS 1.3 a client whose certificate is refused has been
connected for a moment, and one that began anew from there would knock at the master's door without a pause.
(Twisted's `ClientService` takes the connection for the success; see docs/decisions/.)
"""

import contextlib
import typing
from collections.abc import Callable
from random import Random

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint
from twisted.logger import Logger
from typing_extensions import override

from builder.clock import sleep, started
from builder.protocol import Peer, PeerFactory, Session
from builder.wire import Role

FIRST_WAIT = 0.5
LONGEST_WAIT = 30.0

_log = Logger()


def wait_after(failures: int, random: Random) -> float:
    """Return the seconds to wait after so many failures in a row: twice as long each time, and never all at once."""
    longest = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(failures, 16))
    return random.uniform(longest / 2, longest)


class Dialler(Service):
    """A service that keeps a session with the master at `where`.

    Each session is made by `session_for` with the master as its peer. After `ping_every` seconds of silence the
    connection is given up for dead; `now` is the time in seconds since the epoch.
    """

    def __init__(
        self,
        clock: IReactorTime,
        where: str,
        endpoint: IStreamClientEndpoint,
        session_for: Callable[[Peer], Session],
        random: Random,
        ping_every: float,
        now: Callable[[], float],
    ) -> None:
        self._clock = clock
        self._where = where
        self._endpoint = endpoint
        self._random = random
        self._factory = PeerFactory(
            clock, frozenset({Role.MASTER}), session_for, now=now, ping_every=ping_every, refused=lambda *_: None
        )
        self._peer: Peer | None = None
        self._told: str | None = None
        self._work: Deferred[None] = succeed(None)

    @override
    def startService(self) -> None:
        """Begin to dial."""
        super().startService()
        self._work = started("Dialling", self._run())

    @override
    def stopService(self) -> Deferred[None]:
        """Close the connection, or stop trying; the Deferred fires when nothing is left of it."""
        super().stopService()
        if self._peer:
            self._peer.close("this daemon stops")
        else:
            self._work.cancel()
        return self._work

    async def _run(self) -> None:
        failures = 0
        with contextlib.suppress(CancelledError):
            while self.running:
                failures = 0 if await self._talk() else failures + 1
                if self.running:
                    await sleep(self._clock, wait_after(failures, self._random))

    async def _talk(self) -> bool:
        """Talk on one connection from its beginning to its end; return True if the master said anything on it."""
        try:
            self._peer = peer = typing.cast("Peer", await self._endpoint.connect(self._factory))
        except Exception as error:  # noqa: BLE001 - an endpoint may fail in any way, and none of them ends the daemon
            self._tell(str(error))
            return False
        why = await peer.closed
        self._peer = None
        if peer.proven:
            self._told = None
        self._tell(why)
        return peer.proven

    def _tell(self, why: str) -> None:
        """Say why there is no connection; not again for the same reason."""
        if self.running and why != self._told:
            _log.warn(
                "no connection with the master at {where}, which is tried again: {why}", where=self._where, why=why
            )
            self._told = why
