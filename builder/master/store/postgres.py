"""PostgreSQL as the farm's database: how its sessions are set up, and what its failures mean for a person.

The master owns an empty database of a server of version 13 or newer, and makes the tables in it. Numbers that a failed
unit took are not given again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg import errors
from psycopg.types.string import StrDumper
from sqlalchemy import Connection, Engine, Pool
from sqlalchemy.pool import NullPool, QueuePool
from typing_extensions import override

from builder.master.store.backend import explained

BUSY = 5
"""Seconds for which a lock of another program is waited for, and a server that does not answer."""

_SESSION = f"-c synchronous_commit=on -c lock_timeout={BUSY}s"


class PostgreSQL:
    """A database of a server, such as `postgresql://builder@db.example.org/builder`; see `Backend`."""

    elsewhere = "name an empty one"

    def __init__(self, url: str) -> None:
        self._url = sa.make_url(url).set(drivername="postgresql+psycopg")

    @override
    def __str__(self) -> str:
        return f"the database {self._url.database}"

    def writer(self) -> Engine:
        """See `Backend.writer`."""
        return self._engine(QueuePool)

    def reader(self) -> Engine:
        """See `Backend.reader`."""
        engine = self._engine(QueuePool)

        @sa.event.listens_for(engine, "connect")
        def set_up(connection: psycopg.Connection, _record: object) -> None:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True

        return engine

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """See `Backend.migrating`."""
        with explained(self), self._engine(NullPool).begin() as connection:
            yield connection

    def is_new(self) -> bool:
        """See `Backend.is_new`."""
        with explained(self), self._engine(NullPool).begin() as connection:
            return not sa.inspect(connection).get_table_names()

    def changed(self, connection: Connection) -> bool:
        """See `Backend.changed`: the server numbers a transaction once it writes."""
        row = _driver(connection).execute("SELECT pg_current_xact_id_if_assigned() IS NOT NULL").fetchone()
        return row == (True,)

    def sentence(self, error: BaseException | None) -> str | None:
        """See `Backend.sentence`. Source: PostgreSQL's manual, appendix A."""
        match error:
            case errors.DiskFull():
                return "the disk of the master's database is full and nothing was written; make room, then try again"
            case errors.LockNotAvailable():
                return "another program keeps the master's database locked; end it, then try again"
            case errors.DataCorrupted() | errors.IndexCorrupted():
                return "the master's database is damaged; stop the master and restore the last backup"
            case psycopg.OperationalError() | errors.InsufficientPrivilege():
                said = next(iter(str(error).splitlines()), "it does not answer")
                return f"the master's database can't be used ({said}); look at its server, then try again"
            case _:
                return None

    def _engine(self, pool: type[Pool]) -> Engine:
        settings = {"options": _SESSION, "connect_timeout": BUSY}
        engine = sa.create_engine(self._url, poolclass=pool, connect_args=settings, use_native_hstore=False)

        @sa.event.listens_for(engine, "connect")
        def set_up(connection: psycopg.Connection, _record: object) -> None:
            connection.adapters.register_dumper(str, _Text)

        return engine


class _Text(StrDumper):
    """A dumper that stores U+FFFD for the character that PostgreSQL's text cannot hold and SQLite's can."""

    @override
    def dump(self, obj: str) -> Any:
        return super().dump(obj.replace("\0", "\N{REPLACEMENT CHARACTER}"))


def _driver(connection: Connection) -> psycopg.Connection:
    driver: Any = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)  # noqa: S101 - engines of this module have no other
    return driver
