import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory

from builder import files
from builder.errors import UnavailableError, VersionError
from builder.master.store import migration, schema, sqlite
from builder.master.store.sqlite import SQLite
from tests.support.store import MemoryStore

pytestmark = pytest.mark.sqlite

MIGRATIONS = Path(migration.__file__).with_name("migrations")
RELEASED = sorted(Path(__file__).with_name("schemas").glob("*.sql"))
"""A database of each version with a row in every table, as `sqlite3 builder.db .dump` wrote it."""

NEXT = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "{next}", "{newest}"


def upgrade() -> None:
    with op.batch_alter_table("packages", recreate="always") as table:
        table.add_column(sa.Column("colour", sa.Text(), nullable=False, server_default="red"))
"""


def scripts() -> list[str]:
    """The versions that there are migrations to, the newest first."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]


def rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def shape(engine: sa.Engine) -> dict[str, Any]:
    """All that can be told of the tables of a database."""
    inspector = sa.inspect(engine)
    found = {}
    for table in set(inspector.get_table_names()) - {"alembic_version"}:
        with engine.connect() as connection:
            text = "SELECT sql FROM sqlite_master WHERE name = ?"
            (sql,) = connection.exec_driver_sql(text, (table,)).one()
            indexes = "SELECT sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ? ORDER BY name"
            made = connection.exec_driver_sql(indexes, (table,)).scalars().all()
        found[table] = {
            "columns": {column["name"]: str(column) for column in inspector.get_columns(table)},
            "key": inspector.get_pk_constraint(table),
            "unique": sorted(map(str, inspector.get_unique_constraints(table))),
            "foreign": sorted(map(str, inspector.get_foreign_keys(table))),
            "indexes": made,
            "autoincrement": "AUTOINCREMENT" in sql,
        }
    return found


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    return tmp_path / "builder.db"


@pytest.fixture(name="future")
def _future(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a version after the newest one, which makes a table anew that others refer to."""
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder)
    version = f"{int(migration.VERSION) + 1:04}"
    script = folder / "versions" / f"{version}_colour.py"
    script.write_text(NEXT.format(next=version, newest=migration.VERSION))
    monkeypatch.setattr(migration, "_MIGRATIONS", folder)
    monkeypatch.setattr(migration, "VERSION", version)
    return script


def load(dump: Path, path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(dump.read_text())


def test_the_migrations_make_the_tables_of_the_schema(path: Path) -> None:
    """A database made by all migrations is the one that the code describes, with the same first rows."""
    migration.prepare(SQLite(path))
    memory = MemoryStore()._engine
    migrated = sa.create_engine(f"sqlite:///{path}")
    assert shape(migrated) == shape(memory)
    with migrated.connect() as one, memory.connect() as other:
        for table in schema.metadata.sorted_tables:
            assert one.execute(sa.select(table)).all() == other.execute(sa.select(table)).all()
    migrated.dispose()


def test_the_newest_migration_is_the_version() -> None:
    """Versions are numbers of four digits, one after the other, up to the one that the code names."""
    assert scripts()[::-1] == [f"{number:04}" for number in range(1, int(migration.VERSION) + 1)]


def test_every_version_has_its_example() -> None:
    """There is a database with rows for each version, so that upgrading from it is tested."""
    assert [dump.stem for dump in RELEASED] == scripts()[::-1]


@pytest.mark.parametrize("dump", RELEASED, ids=lambda dump: dump.stem)
def test_every_version_is_upgraded_with_its_rows(dump: Path, path: Path) -> None:
    """The tables become those of today, and every table keeps its rows."""
    load(dump, path)
    migration.prepare(SQLite(path))
    upgraded = sa.create_engine(f"sqlite:///{path}")
    assert shape(upgraded) == shape(MemoryStore()._engine)
    with upgraded.connect() as connection:
        for table in schema.metadata.sorted_tables:
            assert connection.execute(sa.select(table)).all(), table.name
        assert not connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    upgraded.dispose()


@pytest.mark.usefixtures("future")
def test_rows_survive_when_their_table_is_made_anew(path: Path) -> None:
    """A table that others refer to is rebuilt with its rows, and they still refer to it."""
    load(RELEASED[-1], path)
    migration.prepare(SQLite(path))
    assert rows(path, "SELECT version_num FROM alembic_version") == [(migration.VERSION,)]
    assert {row[0] for row in rows(path, "SELECT colour FROM packages")} == {"red"}
    assert rows(path, "SELECT packages.id FROM builds JOIN packages ON packages.id = package_id")
    assert rows(path, "PRAGMA foreign_key_check") == []


@pytest.mark.parametrize(
    ("fault", "error"),
    [("op.execute('DELETE FROM projects')", AssertionError), ("raise RuntimeError", RuntimeError)],
)
def test_a_failed_upgrade_changes_nothing(future: Path, path: Path, fault: str, error: type[Exception]) -> None:
    """When a migration fails, or leaves rows that refer to nothing, the database is as it was."""
    load(RELEASED[-1], path)
    before = rows(path, "SELECT name, sql FROM sqlite_master")
    future.write_text(future.read_text().replace('"red"))\n', f'"red"))\n    {fault}\n'))
    with pytest.raises(error):
        migration.prepare(SQLite(path))
    assert rows(path, "SELECT name, sql FROM sqlite_master") == before
    assert rows(path, "SELECT version_num FROM alembic_version") == [(RELEASED[-1].stem,)]


def test_a_newer_database_is_refused(path: Path) -> None:
    """The sentence names both versions and what to do, and nothing is changed."""
    migration.prepare(SQLite(path))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '0999'")
    with pytest.raises(VersionError, match=f"version 0999, this Builder knows versions up to {migration.VERSION}"):
        migration.prepare(SQLite(path))
    assert rows(path, "SELECT version_num FROM alembic_version") == [("0999",)]


@pytest.mark.parametrize("content", [b"no database at all, but long enough to be looked at" * 40, b""])
def test_another_file_is_refused(path: Path, content: bytes) -> None:
    """What is not Builder's own is left as it is."""
    path.write_bytes(content)
    with pytest.raises(VersionError, match=f"{re.escape(str(path))} is not a database of Builder"):
        migration.prepare(SQLite(path))
    assert path.read_bytes() == content


def test_a_locked_database_is_not_taken_for_another(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another program keeps it to itself the sentence says so, and nobody is told to move it away."""
    migration.prepare(SQLite(path))
    monkeypatch.setattr(sqlite, "BUSY", 0.01)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(UnavailableError, match="locked"):
            migration.prepare(SQLite(path))
    migration.prepare(SQLite(path))


def test_a_damaged_database_is_told(path: Path) -> None:
    """A file that begins like a database and is none any more asks for the backup."""
    migration.prepare(SQLite(path))
    path.write_bytes(path.read_bytes()[:100] + b"\xff" * 8000)
    with pytest.raises(UnavailableError, match="damaged"):
        migration.prepare(SQLite(path))


def test_another_programs_database_is_refused(path: Path) -> None:
    """A SQLite database without a version is not Builder's."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    with pytest.raises(VersionError, match="is not a database of Builder"):
        migration.prepare(SQLite(path))


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    """Where there is no place for a database, the sentence says so."""
    with pytest.raises(UnavailableError, match="missing"):
        migration.prepare(SQLite(tmp_path / "missing" / "builder.db"))


def test_a_new_database_is_complete_or_not_there(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the master dies while it makes the database there is none, and the next start makes it."""

    def die(operation: str, _: Path) -> None:
        if operation == "move":
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(files, "before", [die])
        with pytest.raises(KeyboardInterrupt):
            migration.prepare(SQLite(path))
    assert not path.exists()
    migration.prepare(SQLite(path))
    assert rows(path, "SELECT count(*) FROM events") == [(0,)]
    assert [found.name for found in path.parent.iterdir()] == [path.name]


def test_only_the_owner_reads_the_database(path: Path) -> None:
    """Digests of tokens are nobody else's business."""
    migration.prepare(SQLite(path))
    assert path.stat().st_mode & 0o777 == 0o600


def test_opening_a_current_database_does_not_load_alembic(path: Path) -> None:
    """A start of the master does not pay for migrations that it has no need of."""
    migration.prepare(SQLite(path))
    code = (
        "import sys, pathlib; from builder.master.store import migration, sqlite; "
        f"migration.prepare(sqlite.SQLite(pathlib.Path({str(path)!r}))); sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
