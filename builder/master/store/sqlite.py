"""SQLite as the farm's database: how connections are set up, and what its failures mean for a person.

The driver's own handling of transactions is switched off (`isolation_level=None`): it begins them late and ends them at
unexpected statements. Each begins with exactly the statement given here instead.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, Pool
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool, QueuePool

from builder.errors import UnavailableError

BUSY = 5.0
"""For how many seconds a lock of another program, such as a backup, is waited for."""

_DURABLE = ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL")
_WRITER = (*_DURABLE, "PRAGMA foreign_keys=ON")
_READER = ("PRAGMA query_only=ON",)


def writer(database: str, pool: type[Pool] = QueuePool) -> Engine:
    """Makes connections that may change the database; a transaction has the write lock from its first moment."""
    return _engine(database, pool, _WRITER, "BEGIN IMMEDIATE")


def reader(database: str) -> Engine:
    """Makes connections that cannot change anything; a transaction sees one state of the database throughout."""
    return _engine(database, QueuePool, _READER, "BEGIN")


def migrator(database: str) -> Engine:
    """Like `writer`, but tables may be made anew under the rows that refer to them."""
    return _engine(database, NullPool, _DURABLE, "BEGIN IMMEDIATE")


def _engine(database: str, pool: type[Pool], pragmas: tuple[str, ...], begin: str) -> Engine:
    settings = {"isolation_level": None, "timeout": BUSY, "check_same_thread": False}
    engine = sa.create_engine(sa.URL.create("sqlite", database=database), poolclass=pool, connect_args=settings)

    @sa.event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _record: object) -> None:
        for pragma in pragmas:
            connection.execute(pragma)

    @sa.event.listens_for(engine, "begin")
    def begin_transaction(connection: Connection) -> None:
        _driver(connection).execute(begin)  # SQLAlchemy would take longer to hand it on than SQLite to do it

    return engine


def changes(connection: Connection) -> int:
    """How many rows have been changed on this connection so far (sqlite.org/c3ref/total_changes.html)."""
    return _driver(connection).total_changes


def _driver(connection: Connection) -> sqlite3.Connection:
    driver: Any = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)  # noqa: S101 - engines of this module have no other
    return driver


@contextmanager
def explained() -> Iterator[None]:
    """Tell of a full disk, a lock or a bad file as an `UnavailableError` with a sentence; other errors are left."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        sentence = _sentence(getattr(cause, "sqlite_errorname", ""))
        if sentence is None:
            raise
        raise UnavailableError(sentence) from error


def _sentence(name: str) -> str | None:
    """What the result code of SQLite `name` means for the person who runs the farm (sqlite.org/rescode.html)."""
    if name == "SQLITE_FULL":
        return "the disk of the master's database is full and nothing was written; make room, then try again"
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return "another program keeps the master's database locked; end it, then try again"
    if name.startswith(("SQLITE_IOERR", "SQLITE_CANTOPEN")):
        return f"the master's database can't be read or written ({name}); look at its disk and permissions"
    if name.startswith("SQLITE_CORRUPT"):
        return "the master's database is damaged; stop the master and restore the last backup"
    return None
