"""Making the database, and bringing an older one to the tables of this version.

Alembic carries the migrations out. It is imported only when there is something to do: at most starts of the master, one
small query says that there is not.
"""

import contextlib
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, NoResultFound

from builder import files
from builder.errors import UnavailableError, VersionError
from builder.master.store import sqlite

VERSION: Final = "0001"
"""The version of the tables in `schema.py`: the newest of `migrations/versions/`."""

_MIGRATIONS = Path(__file__).with_name("migrations")


def prepare(path: Path) -> None:
    """Make the database if there is none, or bring it to `VERSION`.

    A new one is made beside its place and renamed, so that what is there is complete.

    Raises:
        VersionError: A newer Builder has used it, or it is not a database of Builder.
        UnavailableError: It can't be read or written.
    """
    if not path.exists():
        _create(path)
        return
    found = _version(path)
    if not found.isdecimal() or int(found) > int(VERSION):
        raise VersionError(
            f"{path} is of version {found}, this Builder knows versions up to {VERSION}; "
            "start the newer Builder, or restore the backup made before it ran"
        )
    if found != VERSION:
        _migrate(path)


def _migrate(path: Path) -> None:
    """Bring the database to `VERSION` in one transaction; nothing has happened when it fails."""
    from alembic import command  # noqa: PLC0415 - see the module's docstring
    from alembic.config import Config  # noqa: PLC0415 - likewise

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    engine = sqlite.migrator(str(path))
    try:
        with sqlite.explained(), engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, VERSION)
            _check(connection)
    finally:
        engine.dispose()


def _create(path: Path) -> None:
    beside = path.with_name(f".{path.name}.new")
    for suffix in ("", "-wal", "-shm"):
        files.remove(Path(f"{beside}{suffix}"))
    try:
        beside.touch(mode=0o600)
    except OSError as error:
        raise UnavailableError(f"the master's database {path} can't be made: {error.strerror}") from error
    _migrate(beside)
    files.sync(beside)
    files.move(beside, path)


def _version(path: Path) -> str:
    engine = sqlite.reader(str(path))
    try:
        with contextlib.suppress(DBAPIError, NoResultFound), sqlite.explained(), engine.begin() as connection:
            return str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one())
        raise VersionError(f"{path} is not a database of Builder; move it away, or name another state folder")
    finally:
        engine.dispose()


def _check(connection: Connection) -> None:
    """Foreign keys are off while tables are rebuilt; afterwards each of them must hold."""
    broken = connection.execute(sa.text("PRAGMA foreign_key_check")).all()
    if broken:
        raise AssertionError(f"the migration left rows that refer to nothing: {broken[:5]}")
