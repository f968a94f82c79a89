"""Followers of something as it happens: how many there may be, and how they wait."""

from collections.abc import Iterator
from contextlib import contextmanager

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from builder.errors import UnavailableError

SEATS = 500
"""Most followers at once; each costs a connection and, without TLS, some 15 KiB of memory."""

SLOW = 20.0
"""Seconds after which a follower looks again without a ring, and shows its connection that it is alive."""

GATHER = 0.1
"""Seconds for which news is gathered before a follower is told of it."""


class Seats:
    """The places for followers."""

    def __init__(self, limit: int = SEATS) -> None:
        self._free = limit

    def check(self) -> None:
        """Raise `UnavailableError` when no place is free."""
        if self._free <= 0:
            raise UnavailableError("too many are following already: ask again later, or without follow=1")

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Take a place for as long as the block runs."""
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1


async def news(clock: IReactorTime, *waits: Deferred[None]) -> bool:
    """Wait until one of `waits` has fired, or for `SLOW` seconds; the others are cancelled.

    Returns:
        True if one has fired.
    """
    woken: Deferred[bool] = Deferred()

    def wake(_: None) -> None:
        if not woken.called:
            woken.callback(True)

    timer = clock.callLater(SLOW, woken.callback, False)
    for wait in waits:
        _ = wait.addCallbacks(wake, lambda _: None)
    try:
        return await woken
    finally:
        if timer.active():
            timer.cancel()
        for wait in waits:
            wait.cancel()
