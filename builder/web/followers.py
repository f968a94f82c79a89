"""Those who follow something as it happens: how many there may be, and how they wait."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IReactorTime

from builder.clock import deferred, sleep
from builder.errors import UnavailableError

SEATS = 500
"""How many may follow at once; each costs a connection and some 50 KiB of memory."""

SLOW = 20.0
"""After how many seconds a follower looks again although nobody rang, and shows its connection that it is alive."""

GATHER = 0.1
"""For how many seconds news are gathered before a follower is told of them."""


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
    """Come back once one of `waits` has fired, or after `SLOW` seconds; the others are cancelled.

    Returns:
        Whether one has fired.
    """
    timer = deferred(sleep(clock, SLOW))
    every = [*waits, timer]
    first: Deferred[Any] = DeferredList(every, fireOnOneCallback=True, fireOnOneErrback=True, consumeErrors=True)
    try:
        _, winner = await first
    finally:
        for wait in every:
            wait.cancel()
    return bool(every[winner] is not timer)
