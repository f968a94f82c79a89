"""The database engine below the store: how it is reached, and what its failures mean for a person.

Whatever else the store asks of an engine is SQL that SQLite and PostgreSQL both take.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from builder.errors import UnavailableError


class Backend(Protocol):
    """A database of one engine; its text is its name for people."""

    elsewhere: str
    """The end of a sentence: what to do where the database turns out to be another program's."""

    def writer(self) -> Engine:
        """Return the engine of the one thread that changes the database: durable commits, foreign keys that hold."""

    def reader(self) -> Engine:
        """Return an engine whose transactions change nothing and see one state of the database throughout."""

    def migrating(self) -> AbstractContextManager[Connection]:
        """Begin a transaction that makes or changes tables, also below the rows that refer to them.

        A new database is there once all of it has succeeded, or not at all.

        Raises:
            UnavailableError: The database can't be made or changed.
            AssertionError: Rows were left that refer to nothing.
        """

    def is_new(self) -> bool:
        """Tell if nobody has made tables yet.

        Raises:
            UnavailableError: The database can't be asked.
        """

    def changed(self, connection: Connection) -> bool:
        """Tell if the transaction of a writer has touched a row so far; one that was taken back counts."""

    def sentence(self, error: BaseException | None) -> str | None:
        """Return what an error of the driver means for the person who runs the farm; None where it is our mistake."""


@contextmanager
def explained(backend: Backend) -> Iterator[None]:
    """Tell of a full disk, a lock or a lost database as an `UnavailableError` with a sentence; leave other errors."""
    try:
        yield
    except Exception as error:
        sentence = backend.sentence(error.orig if isinstance(error, DBAPIError) else error)
        if sentence is None:
            raise
        raise UnavailableError(sentence) from error
