"""A plugin of pytest that puts into PostgreSQL what tests keep in a store in memory.

    pytest -p tests.support.on_postgresql tests/unit/master/store

Properties are tried with few examples. `--sent FILE` notes each place of the store that has sent a statement.
"""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import settings
from sqlalchemy import Connection

from builder.master.store import schema
from tests.support.postgresql import server
from tests.support.store import Below, MemoryStore

STORE = Path(schema.__file__).parent
_STORE = str(STORE)
_sent: set[str] = set()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the name of the file for the places."""
    parser.addoption("--sent", type=Path)


def pytest_configure(config: pytest.Config) -> None:
    """Start a server, which ends with the run; each new store finds the tables of its one database empty."""
    settings.register_profile("few", settings(), max_examples=10)
    settings.load_profile("few")
    stack = ExitStack()
    config.add_cleanup(stack.close)
    served = stack.enter_context(server())
    backend = served.at(stack.enter_context(served.database()))
    engine = backend.writer()
    stack.callback(engine.dispose)
    sa.event.listen(engine, "before_cursor_execute", _note)
    tables = ", ".join(f'"{table.name}"' for table in schema.metadata.sorted_tables)

    def emptied() -> Below:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"TRUNCATE {tables} RESTART IDENTITY")
        return Below(backend, engine.execution_options(), _reading)  # what a test listens to is its own store

    MemoryStore.below = staticmethod(emptied)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what only SQLite can be asked."""
    left_out = [item for item in items if item.get_closest_marker("sqlite")]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Write down where statements came from, a place a line: a file of the store and a line of it."""
    if config.option.sent is not None:
        config.option.sent.write_text("".join(f"{place}\n" for place in sorted(_sent)))


def _note(*_event: object) -> None:
    frame = sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
        folder, _, file = frame.f_code.co_filename.rpartition("/")
        if folder == _STORE:
            _sent.add(f"{file}:{frame.f_lineno}")
            return


@contextmanager
def _reading(connection: Connection) -> Iterator[None]:
    connection.exec_driver_sql("SET TRANSACTION READ ONLY")
    yield
