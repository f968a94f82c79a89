"""How many transactions per second the store commits, against plain SQLite in turn, and how long one takes.

    python benchmarks/store.py [--rounds 3] [--folder /var/tmp]

Each round writes the same rows four times: by the driver alone with a commit for each row, by the driver with a commit
for 64 rows, through the store by one caller who waits for each answer, and through the store by 64 such callers. Then
the store carries out whole requests for builds. `--folder` is on the disk that is measured.
"""

import argparse
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from functools import partial
from itertools import count
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.task import react

from builder.master.builds import Builds
from builder.master.slaves import Slaves
from builder.master.store import projects
from builder.master.store.database import Store, open_store
from builder.master.store.schema import tokens
from builder.master.store.sqlite import SQLite
from builder.model.build import BuildRequest
from builder.model.package import Package, Packaging, Style
from builder.model.project import Project
from builder.state import StateFolder
from tests.support.people import ADA

CALLERS = 64
ROWS = 6_400
PACKAGE = Package(style=Style.RELEASE, packaging=Packaging(git="https://git.example.org/hello.git"))
PROJECT = Project(project="p", chroots=("fedora-43-x86_64", "fedora-43-aarch64"), packages={"hello": PACKAGE})
INSERT = sa.insert(tokens)


def plain(folder: Path, names: Iterator[str], group: int) -> float:
    """Rows per second by the driver alone."""
    with closing(sqlite3.connect(StateFolder(folder).database, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=FULL")
        began = time.perf_counter()
        for _ in range(ROWS // group):
            connection.execute("BEGIN IMMEDIATE")
            for _ in range(group):
                connection.execute("INSERT INTO tokens VALUES (?, 'ada', 0)", (next(names),))
            connection.execute("COMMIT")
        return ROWS / (time.perf_counter() - began)


async def asked(times: int, callers: int, ask: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """How many answers per second, and the median of seconds until one, when `callers` wait for each of theirs."""
    took: list[float] = []

    async def caller() -> None:
        for _ in range(times // callers):
            began = time.perf_counter()
            await ask()
            took.append(time.perf_counter() - began)

    began = time.perf_counter()
    await gatherResults([Deferred.fromCoroutine(caller()) for _ in range(callers)])
    return times / (time.perf_counter() - began), statistics.median(took)


def row(connection: Connection, name: str) -> None:
    connection.execute(INSERT, {"digest": name, "person": "ada", "created": 0})


async def measure(store: Store, folder: Path, rounds: int) -> None:
    names = (str(number) for number in count())
    builds = Builds(store, Slaves(store))

    def write() -> Awaitable[object]:
        return store.write(partial(row, name=next(names)))

    def request() -> Awaitable[object]:
        return builds.request(BuildRequest(package="hello"), ADA)

    for number in range(rounds):
        print(f"round {number + 1}")
        print(f"  driver, a commit each      {plain(folder, names, 1):8.0f} rows/s")
        print(f"  driver, {CALLERS} rows a commit  {plain(folder, names, CALLERS):8.0f} rows/s")
        for what, times, ask in (("rows", ROWS, write), ("requests for builds", ROWS // 10, request)):
            for callers in (1, CALLERS):
                rate, median = await asked(times, callers, ask)
                print(f"  store, {callers:2} callers          {rate:8.0f} {what}/s, {median * 1000:.2f} ms median")


async def main(reactor: IReactorFromThreads, folder: Path, rounds: int) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as home:
        store = open_store(reactor, SQLite(StateFolder(Path(home)).database), time.time)
        await store.write(partial(projects.save, project=PROJECT))
        await measure(store, Path(home), rounds)
        await store.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp"))
    arguments = parser.parse_args()
    react(lambda reactor: Deferred.fromCoroutine(main(reactor, arguments.folder, arguments.rounds)))
