"""The store: transactions as functions, carried out beside the reactor.

A unit is a plain function over a connection; its return value is the answer. It runs in another thread, perhaps
together with others in one commit, so it touches nothing but its connection and its arguments.
"""

from collections.abc import Callable
from typing import Final, Protocol, TypeVar

from sqlalchemy import Connection
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from builder.errors import UnavailableError
from builder.master.bell import Bell
from builder.master.store import migration
from builder.master.store.backend import Backend, explained
from builder.master.store.stamp import stamp
from builder.master.store.writer import Writer

T = TypeVar("T")

READERS: Final = 3
"""Number of queries that run at the same time; more would only share the interpreter."""


class Store(Protocol):
    """The store of all that the master knows. Deferreds fire in the reactor's thread.

    Each unit is stamped with the store's time before it runs: see `builder.master.store.stamp`.
    """

    changed: Bell
    """The bell that rings after every commit that has changed something."""

    def write(self, unit: Callable[[Connection], T]) -> Deferred[T]:
        """Run `unit` in a transaction; the answer comes when its changes are on the disk.

        A unit that raises changes nothing, and its error is the answer.

        Raises:
            UnavailableError: The disk is full, or the database locked or closed.
        """

    def read(self, unit: Callable[[Connection], T]) -> Deferred[T]:
        """Run `unit` over one consistent state of the database, with all that was answered; the unit cannot change it.

        Raises:
            UnavailableError: The database is locked or closed.
        """

    def close(self) -> Deferred[None]:
        """Finish all units that were asked for, take no more, and end the threads; to be called once."""


def open_store(reactor: IReactorFromThreads, backend: Backend, now: Callable[[], float]) -> Store:
    """Return the store in this database, made or brought up to date where necessary.

    `now` is the time that units are stamped with, in seconds since the epoch.

    Raises:
        VersionError: A newer Builder has used it, or it is not a database of Builder.
        UnavailableError: It can't be read or written.
    """
    migration.prepare(backend)
    return DatabaseStore(reactor, backend, now)


class DatabaseStore:
    """A database below the store: one thread writes, a few read."""

    def __init__(self, reactor: IReactorFromThreads, backend: Backend, now: Callable[[], float]) -> None:
        self.changed = Bell()
        self._reactor = reactor
        self._backend = backend
        self._now = now
        self._writer = Writer(reactor, backend, self.changed, now)
        self._reader = backend.reader()
        self._threads = ThreadPool(minthreads=0, maxthreads=READERS, name="database reader")
        self._threads.start()

    def write(self, unit: Callable[[Connection], T]) -> Deferred[T]:
        """See `Store.write`."""
        return self._writer.write(unit)

    def read(self, unit: Callable[[Connection], T]) -> Deferred[T]:
        """See `Store.read`."""
        if self._threads.joined:
            return fail(UnavailableError("the master is stopping and answers nothing more"))
        return deferToThreadPool(self._reactor, self._threads, self._query, unit)

    def close(self) -> Deferred[None]:
        """See `Store.close`."""
        return self._writer.close().addCallback(self._end_readers)

    def _query(self, unit: Callable[[Connection], T]) -> T:
        with explained(self._backend), self._reader.begin() as connection:
            stamp(connection, self._now())
            return unit(connection)

    def _end_readers(self, _: None) -> None:
        self._threads.stop()
        self._reader.dispose()
