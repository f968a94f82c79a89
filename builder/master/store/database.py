"""The store: transactions as functions, carried out beside the reactor.

A unit is a plain function over a connection; what it returns is the answer. It runs in another thread, perhaps together
with others in one commit, so it touches nothing but its connection and its arguments.
"""

from collections.abc import Callable
from typing import Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy import Connection
from twisted.internet.defer import Deferred

from builder.master.bell import Bell
from builder.master.store.schema import counters

T = TypeVar("T")


class Store(Protocol):
    """Where the master keeps what it knows. Deferreds fire in the reactor's thread."""

    changed: Bell
    """Rings after every commit."""

    def write(self, unit: Callable[[Connection], T]) -> Deferred[T]:
        """Run `unit` in a transaction; the answer comes when its changes are on the disk.

        A unit that raises changes nothing, and its error is the answer.

        Raises:
            UnavailableError: The disk is full, or the database locked or closed.
        """

    def read(self, unit: Callable[[Connection], T]) -> Deferred[T]:
        """Run `unit` over one consistent state of the database that holds all that was answered; it can't change it.

        Raises:
            UnavailableError: The database is locked or closed.
        """

    def close(self) -> Deferred[None]:
        """Finish what was asked for, take nothing more, and end the threads."""


def seed(connection: Connection) -> None:
    """Put the rows into a new database that the code relies on."""
    connection.execute(sa.insert(counters).values(name="events", value=0))
