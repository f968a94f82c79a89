"""Databases of both engines that a start of the master makes, brings up to date or refuses."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from builder.errors import UnavailableError, VersionError
from builder.master.store import migration, schema
from builder.master.store.backend import Backend
from builder.master.store.postgres import PostgreSQL
from builder.master.store.sqlite import SQLite
from tests.support.postgresql import Server

NEXT = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "{next}", "{newest}"


def upgrade() -> None:
    with op.batch_alter_table("packages") as table:
        table.add_column(sa.Column("colour", sa.Text(), nullable=False, server_default="red"))
"""


@pytest.fixture(name="backend", params=["sqlite", "postgresql"])
def _backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    """Return a database in which nothing is yet."""
    if request.param == "sqlite":
        yield SQLite(tmp_path / "builder.db")
        return
    server: Server = request.getfixturevalue("postgresql")
    with server.database("template0") as name:
        yield server.at(name)


@pytest.fixture(name="future")
def _future(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file of a version after the newest one."""
    folder = tmp_path / "migrations"
    shutil.copytree(Path(migration.__file__).with_name("migrations"), folder)
    version = f"{int(migration.VERSION) + 1:04}"
    script = folder / "versions" / f"{version}_colour.py"
    script.write_text(NEXT.format(next=version, newest=migration.VERSION))
    monkeypatch.setattr(migration, "_MIGRATIONS", folder)
    monkeypatch.setattr(migration, "VERSION", version)
    return script


def tell(backend: Backend, *statements: str) -> None:
    """Change the database as another program might."""
    engine = backend.writer()
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def ask(backend: Backend, query: str) -> list[tuple[object, ...]]:
    """Return what the database answers."""
    engine = backend.reader()
    with engine.begin() as connection:
        found = [tuple(row) for row in connection.exec_driver_sql(query)]
    engine.dispose()
    return found


def columns(backend: Backend) -> set[str]:
    """Return the columns of all tables, such as `projects.name`."""
    engine = backend.reader()
    tables = sa.inspect(engine).get_multi_columns()
    engine.dispose()
    return {f"{table}.{column['name']}" for (_, table), found in tables.items() for column in found}


def differences(connection: Connection) -> list[object]:
    """Return what a database has too much, too little or of another type, against the tables of today."""
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return list(compare_metadata(context, schema.metadata))


def test_the_migrations_make_the_tables_of_the_schema(backend: Backend) -> None:
    """Tables, columns, types, keys and indexes that all migrations make are those that the code describes."""
    assert backend.is_new()
    migration.prepare(backend)
    assert not backend.is_new()
    engine = backend.reader()
    with engine.begin() as connection:
        assert differences(connection) == []
    tell(backend, "DROP INDEX ix_events_build", "ALTER TABLE events ADD COLUMN colour TEXT")
    with engine.begin() as connection:
        assert len(differences(connection)) == 2
    engine.dispose()


def test_an_older_database_is_upgraded(backend: Backend, future: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its tables become those of the newer version, and its rows stay."""
    with monkeypatch.context() as patch:
        patch.setattr(migration, "VERSION", "0001")
        migration.prepare(backend)
    assert future.exists()
    tell(backend, "INSERT INTO projects VALUES ('p', '{}')")
    tell(backend, "INSERT INTO packages (project, name, definition, removed) VALUES ('p', 'a', '{}', false)")
    migration.prepare(backend)
    assert ask(backend, "SELECT name, colour FROM packages") == [("a", "red")]


def test_a_failed_upgrade_changes_nothing(backend: Backend, future: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a migration fails half-way the database is as it was."""
    with monkeypatch.context() as patch:
        patch.setattr(migration, "VERSION", "0001")
        migration.prepare(backend)
    future.write_text(future.read_text() + "    raise RuntimeError\n")
    with pytest.raises(RuntimeError):
        migration.prepare(backend)
    assert "packages.colour" not in columns(backend)
    assert ask(backend, "SELECT version_num FROM alembic_version") == [("0001",)]


def test_a_new_database_is_complete_or_not_there(backend: Backend, future: Path) -> None:
    """When the tables can't be made there are none, and the next start makes them."""
    script = future.read_text()
    future.write_text(script + "    raise RuntimeError\n")
    with pytest.raises(RuntimeError):
        migration.prepare(backend)
    assert backend.is_new()
    future.write_text(script)
    migration.prepare(backend)
    assert "packages.colour" in columns(backend)


def test_a_newer_database_is_refused(backend: Backend) -> None:
    """The sentence names both versions and what to do, and nothing is changed."""
    migration.prepare(backend)
    tell(backend, "UPDATE alembic_version SET version_num = '0999'")
    with pytest.raises(VersionError) as refused:
        migration.prepare(backend)
    assert str(refused.value) == (
        f"{backend} is of version 0999, this Builder knows versions up to {migration.VERSION}; "
        "start the newer Builder, or restore the backup made before it ran"
    )
    assert ask(backend, "SELECT version_num FROM alembic_version") == [("0999",)]


@pytest.mark.parametrize("theirs", ["CREATE TABLE theirs (x TEXT)", "CREATE TABLE alembic_version (version_num TEXT)"])
def test_another_programs_database_is_refused(backend: Backend, theirs: str) -> None:
    """A database with tables and no version is not Builder's, and is left as it is."""
    tell(backend, theirs)
    with pytest.raises(VersionError) as refused:
        migration.prepare(backend)
    assert str(refused.value) == f"{backend} is not a database of Builder; {backend.elsewhere}"
    assert len(columns(backend)) == 1


def test_a_database_that_is_not_there_is_told(postgresql: Server) -> None:
    """The sentence has the words of the server."""
    with pytest.raises(UnavailableError, match=r'can\'t be used \(.*database "nowhere" does not exist\); look at'):
        migration.prepare(postgresql.at("nowhere"))


def test_a_database_of_others_is_told(postgresql: Server) -> None:
    """A master that may not make tables says so."""
    with postgresql.database("template0") as name, postgresql.connect(name) as other:
        other.execute("CREATE ROLE guest LOGIN")
        with pytest.raises(UnavailableError, match=r"can't be used \(.*permission denied for schema public\); look at"):
            migration.prepare(postgresql.at(name, "guest"))
        other.execute("DROP ROLE guest")


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    """The sentence says where one was looked for."""
    with pytest.raises(UnavailableError, match=rf"can't be used \(.*{tmp_path}/.s.PGSQL.5432.*\); look at its server"):
        migration.prepare(PostgreSQL(f"postgresql:///builder?host={tmp_path}"))


def test_the_name_of_a_database_gives_no_password_away() -> None:
    """People read it in sentences."""
    assert str(PostgreSQL("postgresql://builder:secret@db.example.org/farm")) == "the database farm"
