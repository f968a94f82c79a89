"""A store in memory: every answer is there at once. It passes the contract suite of the real one."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.pool import StaticPool
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from builder.clock import deferred
from builder.errors import UnavailableError
from builder.master.bell import Bell
from builder.master.store.backend import explained
from builder.master.store.schema import metadata
from builder.master.store.sqlite import SQLite
from builder.master.store.stamp import stamp

T = TypeVar("T")

T0 = 1_795_000_000.0
"""The time at which the clock of a store in memory begins: a moment in November 2026."""


class MemoryStore:
    """SQLite in memory, on one connection, in the caller's thread; `reads` is how often it was read.

    The store's time passes as that of `clock` does, and no other way.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self.changed = Bell()
        self.clock = clock or Clock()
        self._backend = SQLite(Path(":memory:"))
        self._engine = self._backend.writer(StaticPool)
        self._touched = False
        self._closed = False
        self.reads = 0
        with self._engine.begin() as connection:
            metadata.create_all(connection, checkfirst=False)

    def now(self) -> float:
        """Return the time that the next unit is stamped with."""
        return T0 + self.clock.seconds()

    def write(self, unit: Callable[[Connection], T]) -> Deferred[T]:
        """Run `unit` in a transaction, now."""
        return maybeDeferred(self._transaction, unit).addCallback(self._ring)

    def read(self, unit: Callable[[Connection], T]) -> Deferred[T]:
        """Run `unit` on the state of now; it can't change it."""
        self.reads += 1
        return maybeDeferred(self._transaction, lambda connection: self._query(connection, unit))

    def close(self) -> Deferred[None]:
        """Take nothing more."""
        self._closed = True
        self._engine.dispose()
        return succeed(None)

    def _transaction(self, unit: Callable[[Connection], T]) -> T:
        if self._closed:
            raise UnavailableError("the database is closed")
        with explained(self._backend), self._engine.begin() as connection:
            stamp(connection, self.now())
            answer = unit(connection)
            self._touched = self._backend.changed(connection)
            return answer

    def _query(self, connection: Connection, unit: Callable[[Connection], T]) -> T:
        connection.exec_driver_sql("PRAGMA query_only=ON")
        try:
            return unit(connection)
        finally:
            connection.exec_driver_sql("PRAGMA query_only=OFF")

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
