"""The migration: it makes the database, or brings an older one to the tables of this version.

Alembic carries the migrations out. It is imported only when there is something to do: at most starts of the master,
one small query says that there is not.
"""

import contextlib
from pathlib import Path
from typing import Final

from sqlalchemy.exc import DBAPIError, NoResultFound

from builder.errors import VersionError
from builder.master.store.backend import Backend, explained

VERSION: Final = "0001"
"""The version of the tables in `schema.py`: the newest of `migrations/versions/`."""

_MIGRATIONS = Path(__file__).with_name("migrations")


def prepare(backend: Backend) -> None:
    """Make the database if there is none, or bring it to `VERSION`.

    Raises:
        VersionError: A newer Builder has used it, or it is not a database of Builder.
        UnavailableError: It can't be read or written.
    """
    if backend.is_new():
        _migrate(backend)
        return
    found = _version(backend)
    if not found.isdecimal() or int(found) > int(VERSION):
        raise VersionError(
            f"{backend} is of version {found}, this Builder knows versions up to {VERSION}; "
            "start the newer Builder, or restore the backup made before it ran"
        )
    if found != VERSION:
        _migrate(backend)


def _migrate(backend: Backend) -> None:
    """Bring the database to `VERSION` in one transaction; nothing has happened when it fails."""
    from alembic import command  # noqa: PLC0415 - see the module's docstring
    from alembic.config import Config  # noqa: PLC0415 - likewise

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    with backend.migrating() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, VERSION)


def _version(backend: Backend) -> str:
    engine = backend.reader()
    try:
        with contextlib.suppress(DBAPIError, NoResultFound), explained(backend), engine.begin() as connection:
            return str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one())
        raise VersionError(f"{backend} is not a database of Builder; {backend.elsewhere}")
    finally:
        engine.dispose()
