"""The SQL of the store is what both engines take: what it answers on SQLite in memory, it answers on PostgreSQL."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.support.distribution import ROOT
from tests.support.on_postgresql import STORE
from tests.support.unpacked import program

UNIT = "tests/unit/master/"
NOUNS = ("batches", "builds", "definitions", "delivery", "events", "master", "people", "reception", "secrets", "sweep")
TESTS = (
    UNIT + "store",
    *(f"{UNIT}test_{noun}.py" for noun in NOUNS),
    f"{UNIT}test_dispatch.py::Publications",
    f"{UNIT}test_intake.py::Deliveries",
    "tests/unit/web/test_operations.py",
    "-k not passphrase and not private_keys and not strangers",  # which take long, and send nothing that others do not
)


def executions() -> Iterator[tuple[str, range]]:
    """Return the files and lines of the calls in the store that send a statement, but for those of one engine alone."""
    for file in {*STORE.glob("*.py")} - {STORE / "sqlite.py", STORE / "postgres.py"}:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "connection.execute":
                yield file.name, range(node.lineno, (node.end_lineno or node.lineno) + 1)


def test_postgresql_takes_every_statement(tmp_path: Path) -> None:
    """Unit tests whose stores are in PostgreSQL succeed, and no statement of the store is left out by them."""
    program("postgres")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "tests.support.on_postgresql"]
    command += [f"--sent={tmp_path / 'sent'}", *TESTS]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout
    sent = set((tmp_path / "sent").read_text().split())
    every = list(executions())
    assert len(every) > 50
    silent = [f"{file}:{lines[0]}" for file, lines in every if sent.isdisjoint(f"{file}:{line}" for line in lines)]
    assert not silent
