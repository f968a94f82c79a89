"""The feed: one reader of new events for everybody who follows.

The bell rings for every commit, and most are of no interest to a follower of one build. So that a ring costs one
query and not one per follower, the feed reads the new events once and wakes the watches that may want one of them.
While nobody follows, it reads nothing.

A watch remembers that it was woken until its follower looks. The follower begins its watch before it first reads, so
that nothing falls in between.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from builder.clock import sleep
from builder.master.events import Events
from builder.model.event import Event, EventFilter, EventKind

_log = Logger()

PAUSE = 5.0
"""Seconds until the feed tries again when it could not read."""
PAGE = 500
"""Number of events that are read at once."""


class Watch:
    """A watch: it knows if something wanted has happened since its follower looked last; to begin with, it has."""

    def __init__(self, wanted: EventFilter) -> None:
        self.wanted = wanted
        self._fresh = True
        self._waiting: Deferred[None] | None = None

    def look(self) -> bool:
        """Tell if there is news; asking settles it."""
        fresh, self._fresh = self._fresh, False
        return fresh

    def wait(self) -> Deferred[None]:
        """Return a Deferred that fires when there is news; may be cancelled. One at a time."""
        if self._fresh:
            return succeed(None)
        self._waiting = Deferred(self._forget)
        return self._waiting

    def wake(self) -> None:
        """Wake the follower, since there is news."""
        self._fresh = True
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            waiting.callback(None)

    def _forget(self, _: Deferred[None]) -> None:
        self._waiting = None


class _News(NamedTuple):
    """News: the builds, projects and kinds of some new events."""

    builds: frozenset[int | None]
    projects: frozenset[str | None]
    kinds: frozenset[EventKind]

    def may_hold(self, wanted: EventFilter) -> bool:
        """Tell whether an event that is wanted may be among them; each follower then looks for itself."""
        return (
            (wanted.build is None or wanted.build in self.builds)
            and (wanted.project is None or wanted.project in self.projects)
            and (wanted.kind is None or wanted.kind in self.kinds)
        )


def _news(new: tuple[Event, ...]) -> _News:
    """Return the builds, projects and kinds of these events."""
    return _News(
        frozenset(event.build for event in new),
        frozenset(event.project for event in new),
        frozenset(event.kind for event in new),
    )


class Feed:
    """The feed, which wakes watches when something has happened; `run` is its work."""

    def __init__(self, events: Events, clock: IReactorTime) -> None:
        self._events = events
        self._clock = clock
        self._watches: set[Watch] = set()
        self._newest: int | None = None

    @contextmanager
    def watch(self, wanted: EventFilter) -> Iterator[Watch]:
        """Watch for events that are wanted, for as long as the block runs."""
        watch = Watch(wanted)
        self._watches.add(watch)
        try:
            yield watch
        finally:
            self._watches.discard(watch)

    async def run(self) -> None:
        """Read events as they come, until cancelled."""
        with suppress(CancelledError):
            while True:
                try:
                    await self._read()
                except CancelledError:
                    raise
                except Exception:  # noqa: BLE001 - whatever it was, followers want another try
                    _log.failure("reading events failed; trying again in {pause} s", pause=PAUSE)
                    await sleep(self._clock, PAUSE)

    async def _read(self) -> None:
        while True:
            rung = self._events.changed.wait()
            if not self._watches:
                self._newest = None
            elif self._newest is None:
                self._newest = await self._events.newest()
                for watch in tuple(self._watches):
                    watch.wake()
            else:
                await self._catch_up(self._newest)
            await rung

    async def _catch_up(self, newest: int) -> None:
        """Wake the watches of what has happened since the event `newest`."""
        new: tuple[Event, ...] | None = None
        while new is None or len(new) == PAGE:
            new = await self._events.since(newest, limit=PAGE)
            self._newest = newest = new[-1].number if new else newest
            if new:
                self._tell(_news(new))

    def _tell(self, news: _News) -> None:
        for watch in tuple(self._watches):
            if news.may_hold(watch.wanted):
                watch.wake()
