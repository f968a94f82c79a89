"""SQLite as the farm's database: a file, how connections to it are set up, and what its failures mean for a person.

The driver's own handling of transactions is switched off (`isolation_level=None`): it begins them late and ends them at
unexpected statements. Each begins with exactly the statement given here instead.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, Pool
from sqlalchemy.pool import NullPool, QueuePool
from typing_extensions import override

from builder import files
from builder.errors import UnavailableError
from builder.master.store.backend import explained

BUSY = 5.0
"""Seconds for which a lock of another program, such as a backup, is waited for."""

_DURABLE = ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL")
_WRITER = (*_DURABLE, "PRAGMA foreign_keys=ON")
_READER = ("PRAGMA query_only=ON",)
_BEFORE: Final = "rows changed before this transaction"


class SQLite:
    """The database in a file; see `Backend`."""

    elsewhere = "move it away, or name another state folder"

    def __init__(self, path: Path) -> None:
        self._path = path

    @override
    def __str__(self) -> str:
        return str(self._path)

    def writer(self, pool: type[Pool] = QueuePool) -> Engine:
        """See `Backend.writer`; a transaction has the write lock from its first moment."""
        return self._engine(pool, _WRITER, "BEGIN IMMEDIATE")

    def reader(self) -> Engine:
        """See `Backend.reader`."""
        return self._engine(QueuePool, _READER, "BEGIN")

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """See `Backend.migrating`; a new database is made beside its place and renamed."""
        if self.is_new():
            beside = self._beside()
            with SQLite(beside).migrating() as connection:
                yield connection
            files.sync(beside)
            files.move(beside, self._path)
            return
        engine = self._engine(NullPool, _DURABLE, "BEGIN IMMEDIATE")
        with explained(self), engine.begin() as connection:
            yield connection
            _check(connection)

    def is_new(self) -> bool:
        """See `Backend.is_new`."""
        return not self._path.exists()

    def changed(self, connection: Connection) -> bool:
        """See `Backend.changed`. Source: sqlite.org/c3ref/total_changes.html."""
        return bool(_driver(connection).total_changes > connection.info[_BEFORE])

    def sentence(self, error: BaseException | None) -> str | None:
        """See `Backend.sentence`. Source: sqlite.org/rescode.html."""
        name = getattr(error, "sqlite_errorname", "")
        if name == "SQLITE_FULL":
            return "the disk of the master's database is full and nothing was written; make room, then try again"
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            return "another program keeps the master's database locked; end it, then try again"
        if name.startswith(("SQLITE_IOERR", "SQLITE_CANTOPEN")):
            return f"the master's database can't be read or written ({name}); look at its disk and permissions"
        if name.startswith("SQLITE_CORRUPT"):
            return "the master's database is damaged; stop the master and restore the last backup"
        return None

    def _beside(self) -> Path:
        """Make the empty file that becomes the database; remove what an interrupted start has left."""
        beside = self._path.with_name(f".{self._path.name}.new")
        for suffix in ("", "-wal", "-shm"):
            files.remove(Path(f"{beside}{suffix}"))
        try:
            beside.touch(mode=0o600)
        except OSError as error:
            raise UnavailableError(f"the master's database {self} can't be made: {error.strerror}") from error
        return beside

    def _engine(self, pool: type[Pool], pragmas: tuple[str, ...], begin: str) -> Engine:
        settings = {"isolation_level": None, "timeout": BUSY, "check_same_thread": False}
        url = sa.URL.create("sqlite", database=str(self._path))
        engine = sa.create_engine(url, poolclass=pool, connect_args=settings)

        @sa.event.listens_for(engine, "connect")
        def set_up(connection: sqlite3.Connection, _record: object) -> None:
            for pragma in pragmas:
                connection.execute(pragma)

        @sa.event.listens_for(engine, "begin")
        def begin_transaction(connection: Connection) -> None:
            driver = _driver(connection)
            driver.execute(begin)  # SQLAlchemy would take longer to hand it on than SQLite to do it
            connection.info[_BEFORE] = driver.total_changes

        return engine


def _driver(connection: Connection) -> sqlite3.Connection:
    driver: Any = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)  # noqa: S101 - engines of this module have no other
    return driver


def _check(connection: Connection) -> None:
    """Check that each foreign key holds: they are off while tables are made anew."""
    broken = connection.execute(sa.text("PRAGMA foreign_key_check")).all()
    if broken:
        raise AssertionError(f"the migration left rows that refer to nothing: {broken[:5]}")
