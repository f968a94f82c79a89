"""The places of the master that know which database engine is below are few."""

import io
import re
import tokenize
from pathlib import Path

from builder.master.store import schema
from tests.support.distribution import ROOT

MASTER = ROOT / "builder/master"
WORDS = re.compile("sqlite|postgres|psycopg|pragma", re.IGNORECASE)
CHOOSES = "service.py"
ENGINES = {"store/sqlite.py", "store/postgres.py"}
TABLES = "store/schema.py"


def named(file: Path) -> set[str]:
    """Return the names and strings of a program that are about an engine; its docstrings may name both."""
    tokens = tokenize.generate_tokens(io.StringIO(file.read_text()).readline)
    words = {token.string for token in tokens if token.type in {tokenize.NAME, tokenize.STRING}}
    return {word for word in words if WORDS.search(word) and not word.startswith('"""')}


def test_no_other_module_of_the_master_names_an_engine() -> None:
    """Whoever brings another engine looks at these places, and at what has migrated databases."""
    files = {file.relative_to(MASTER).as_posix(): file for file in MASTER.rglob("*.py")}
    found = {name for name, file in files.items() if named(file) and "/versions/" not in name}
    assert found == {CHOOSES, TABLES} | ENGINES


def test_sqlite_is_what_a_master_chooses() -> None:
    """No setting, command or module of the product leads to the other engine."""
    assert named(MASTER / CHOOSES) == {"sqlite", "SQLite"}
    other = re.compile("postgres|psycopg", re.IGNORECASE)
    files = {file for file in MASTER.parent.rglob("*.py") if any(map(other.search, named(file)))}
    assert {file.name for file in files} == {"postgres.py", "schema.py", "0001_first_tables.py"}


def test_the_tables_name_engines_where_there_is_no_other_way() -> None:
    """An index of some rows is asked for in each engine's way; numbers are of SQLite's type where it gives them out."""
    asked = {"sqlite_where", "postgresql_where", "sqlite_autoincrement", '"sqlite"'}
    assert named(Path(schema.__file__)) == asked
