"""A store in memory: every answer is there at once. It passes the contract suite of the real one."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import ClassVar, NamedTuple, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.pool import StaticPool
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from builder.clock import deferred
from builder.errors import UnavailableError
from builder.master.bell import Bell
from builder.master.store.backend import Backend, explained
from builder.master.store.schema import metadata
from builder.master.store.sqlite import SQLite
from builder.master.store.stamp import stamp

T = TypeVar("T")

T0 = 1_795_000_000.0
"""The time at which the clock of a store in memory begins: a moment in November 2026."""


class Below(NamedTuple):
    """An engine below a store in memory, whose tables are there, and what a unit that reads runs within."""

    backend: Backend
    engine: Engine
    reading: Callable[[Connection], AbstractContextManager[None]]


def in_memory() -> Below:
    """Return SQLite in memory, on one connection."""
    backend = SQLite(Path(":memory:"))
    engine = backend.writer(StaticPool)
    with engine.begin() as connection:
        metadata.create_all(connection, checkfirst=False)
    return Below(backend, engine, _query_only)


@contextmanager
def _query_only(connection: Connection) -> Iterator[None]:
    connection.exec_driver_sql("PRAGMA query_only=ON")
    try:
        yield
    finally:
        connection.exec_driver_sql("PRAGMA query_only=OFF")


class MemoryStore:
    """A store in the caller's thread; `reads` is how often it was read.

    It is in memory but for a run of tests on another engine; see `tests.support.on_postgresql`.

    The store's time passes as that of `clock` does, and no other way.
    """

    below: ClassVar[Callable[[], Below]] = staticmethod(in_memory)

    def __init__(self, clock: Clock | None = None) -> None:
        self.changed = Bell()
        self.clock = clock or Clock()
        self._below = type(self).below()
        self._engine = self._below.engine
        self._touched = False
        self._closed = False
        self.reads = 0

    def now(self) -> float:
        """Return the time that the next unit is stamped with."""
        return T0 + self.clock.seconds()

    def write(self, unit: Callable[[Connection], T]) -> Deferred[T]:
        """Run `unit` in a transaction, now."""
        return maybeDeferred(self._transaction, unit).addCallback(self._ring)

    def read(self, unit: Callable[[Connection], T]) -> Deferred[T]:
        """Run `unit` on the state of now; it can't change it."""
        self.reads += 1
        return maybeDeferred(self._transaction, partial(self._query, unit=unit))

    def close(self) -> Deferred[None]:
        """Take nothing more."""
        self._closed = True
        self._engine.dispose()
        return succeed(None)

    def _transaction(self, unit: Callable[[Connection], T]) -> T:
        if self._closed:
            raise UnavailableError("the database is closed")
        with explained(self._below.backend), self._engine.begin() as connection:
            stamp(connection, self.now())
            answer = unit(connection)
            self._touched = self._below.backend.changed(connection)
            return answer

    def _query(self, connection: Connection, unit: Callable[[Connection], T]) -> T:
        with self._below.reading(connection):
            return unit(connection)

    def _ring(self, answer: T) -> T:
        if self._touched:
            self.changed.ring()
        return answer


def answer(work: Awaitable[T]) -> T:
    """What `work` on a store in memory comes to; it may wait for nothing else."""
    answers: list[T] = []
    failures: list[Failure] = []
    background = deferred(work).addCallbacks(answers.append, failures.append)
    assert background.called, "this waits for something"
    for failure in failures:
        failure.raiseException()
    return answers[0]
