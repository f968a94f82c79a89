"""What every store promises, and what only one on disk can."""

import sqlite3
import tempfile
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError, OperationalError
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, DeferredList, gatherResults
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase
from typing_extensions import override

from builder.errors import UnavailableError
from builder.master.store import events
from builder.master.store.database import Store, open_store
from builder.master.store.schema import packages, projects
from builder.master.store.sqlite import SQLite
from builder.master.store.stamp import now
from tests.support.store import T0, MemoryStore


class BrokenUnitError(Exception):
    """Raised by units of these tests."""


def project(name: str) -> Callable[[Connection], int]:
    """A unit that adds a row, and answers how many it added."""

    def add(connection: Connection) -> int:
        return connection.execute(sa.insert(projects).values(name=name, definition="{}")).rowcount

    return add


def broken(name: str) -> Callable[[Connection], None]:
    """A unit that adds a row and then fails."""

    def fail(connection: Connection) -> None:
        project(name)(connection)
        raise BrokenUnitError

    return fail


def orphan(connection: Connection) -> None:
    """A unit whose mistake is found at the commit."""
    connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
    connection.execute(sa.insert(packages).values(project="nobody's", name="x", definition="{}"))


def pragma(text: str) -> Callable[[Connection], object]:
    """A unit that asks or tells SQLite about its settings."""
    return lambda connection: connection.exec_driver_sql(f"PRAGMA {text}").scalar_one()


def names(connection: Connection) -> list[str]:
    """The rows that were added, in order."""
    return list(connection.execute(sa.select(projects.c.name).order_by(sa.literal_column("rowid"))).scalars())


class StoreContract(TestCase):
    """The promises of `Store`; a subclass makes one whose time is that of `clock`, from `T0` on."""

    __test__ = False
    clock: Clock
    store: Store

    async def test_what_was_written_is_read(self) -> None:
        """The answer of a write is what the unit returned, and a later read sees its changes."""
        assert await self.store.write(lambda connection: (project("a")(connection), "done")) == (1, "done")
        assert await self.store.read(names) == ["a"]

    async def test_a_failing_unit_changes_nothing(self) -> None:
        """Its error is the answer, its changes are taken back, and the store goes on."""
        await self.assertFailure(self.store.write(broken("a")), BrokenUnitError)
        await self.store.write(project("b"))
        assert await self.store.read(names) == ["b"]

    async def test_a_failing_unit_takes_no_other_with_it(self) -> None:
        """Units that come together stand or fall alone, in the order in which they came."""
        units = [broken(f"{number}") if number % 3 == 0 else project(f"{number}") for number in range(50)]
        results = await DeferredList([self.store.write(unit) for unit in units], consumeErrors=True)
        assert [succeeded for succeeded, _ in results] == [number % 3 != 0 for number in range(50)]
        assert await self.store.read(names) == [f"{number}" for number in range(50) if number % 3]

    async def test_a_failing_commit_is_the_answer(self) -> None:
        """A transaction that can't be committed fails and leaves nothing, and the store goes on."""
        await self.assertFailure(self.store.write(orphan), IntegrityError)
        await self.store.write(project("a"))
        count = sa.select(sa.func.count()).select_from(packages)
        assert await self.store.read(lambda connection: connection.execute(count).scalar_one()) == 0

    async def test_rows_refer_to_rows(self) -> None:
        """Foreign keys are enforced."""
        add = sa.insert(packages).values(project="nobody's", name="x", definition="{}")
        await self.assertFailure(self.store.write(lambda connection: connection.execute(add).rowcount), IntegrityError)

    async def test_a_read_cannot_write(self) -> None:
        """A unit that changes something is refused by `read`, and accepted by `write` afterwards."""
        await self.assertFailure(self.store.read(project("a")), OperationalError)
        await self.store.write(project("a"))
        assert await self.store.read(names) == ["a"]

    async def test_the_bell_rings_after_the_commit(self) -> None:
        """Whoever waits is woken by a change, and finds it."""
        found = self.store.changed.wait().addCallback(lambda _: self.store.read(names))
        await self.store.write(project("a"))
        assert await found == ["a"]

    async def test_the_bell_is_silent_about_failures(self) -> None:
        """A failed unit wakes nobody."""
        rung = self.store.changed.wait()
        await self.assertFailure(self.store.write(broken("a")), BrokenUnitError)
        assert not rung.called

    async def test_the_bell_is_silent_about_nothing(self) -> None:
        """A unit that only looks, or changes no row, wakes nobody; the next one that does is heard."""
        rung = self.store.changed.wait()
        await self.store.write(names)
        await self.store.write(lambda connection: connection.execute(sa.delete(projects)).rowcount)
        assert not rung.called
        await self.store.write(project("a"))
        await rung

    async def test_answers_come_before_the_ring(self) -> None:
        """Whoever has written hears of it before those who act on it begin."""
        rung = self.store.changed.wait()
        seen = self.store.write(project("a")).addCallback(lambda _: rung.called)
        assert not await seen or isinstance(self.store, MemoryStore)
        await rung

    async def test_events_are_numbered_without_gaps(self) -> None:
        """However many write at once, and some in vain, a reader sees 1, 2, 3… never a later one before an earlier."""

        def tell(number: int) -> Callable[[Connection], None]:
            def unit(connection: Connection) -> None:
                events.record(connection, "build_queued", number)
                if number % 7 == 0:
                    raise BrokenUnitError

            return unit

        seen: list[int] = []
        told = DeferredList([self.store.write(tell(number)) for number in range(300)], consumeErrors=True)
        while len(seen) < 300 - 43:
            rung = self.store.changed.wait()
            new = await self.store.read(partial(events.since, number=len(seen)))
            seen += [event.number for event in new]
            if told.called:
                rung.addErrback(lambda _: None).cancel()
            else:
                await rung
        assert seen == list(range(1, 300 - 43 + 1))
        assert await self.store.read(events.newest) == 300 - 43

    async def test_a_unit_has_the_time_of_the_store(self) -> None:
        """Be it written or read, it is stamped when it begins, and what it writes down bears the stamp."""
        assert await self.store.write(now) == T0
        self.clock.advance(60)
        assert await self.store.read(now) == T0 + 60
        await self.store.write(partial(events.record, kind="build_queued", build=1))
        (event,) = await self.store.read(partial(events.since, number=0))
        assert event.time == T0 + 60

    async def test_units_that_come_together_have_times_of_their_own(self) -> None:
        """Time goes on within a group; within a unit it stands."""

        def unit(connection: Connection) -> tuple[float, float]:
            began = now(connection)
            self.clock.advance(1)
            return began, now(connection)

        times = await gatherResults([self.store.write(unit) for _ in range(20)])
        assert times == [(T0 + second, T0 + second) for second in range(20)]

    async def test_closing_finishes_what_was_asked(self) -> None:
        """All writes before `close` are carried out; later calls are refused with a sentence."""
        written = [self.store.write(project(f"{number}")) for number in range(20)]
        await self.store.close()
        assert await gatherResults(written) == [1] * 20
        await self.assertFailure(self.store.write(project("late")), UnavailableError)
        await self.assertFailure(self.store.read(names), UnavailableError)


class MemoryStoreTests(StoreContract):
    """The store in memory keeps the contract."""

    __test__ = True

    @override
    def setUp(self) -> None:
        self.clock = Clock()
        self.store = MemoryStore(self.clock)
        self.addCleanup(self.store.close)


class FileStoreTests(StoreContract):
    """The store on disk keeps the contract, and stands what happens to files."""

    __test__ = True

    @override
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name, "builder.db")
        self.before = threading.active_count()
        self.clock = Clock()
        database = SQLite(self.path)
        self.store = open_store(cast(IReactorFromThreads, reactor), database, lambda: T0 + self.clock.seconds())
        self._open = True
        self.addCleanup(self.close)

    async def close(self) -> None:
        if self._open:
            self._open = False
            await self.store.close()

    @override
    async def test_closing_finishes_what_was_asked(self) -> None:
        """As in the contract, and no thread is left."""
        self._open = False
        await super().test_closing_finishes_what_was_asked()
        assert threading.active_count() == self.before

    async def test_answers_come_after_the_commit(self) -> None:
        """When a write is answered, another process can see it."""
        await self.store.write(project("a"))
        assert self.seen_from_outside() == [("a",)]

    async def test_units_that_wait_share_a_commit(self) -> None:
        """What gathers while the disk is busy is committed together."""
        gate = threading.Event()
        first = self.writing_until(gate)
        rest = [self.store.write(project(f"{number}")) for number in range(100)]
        gate.set()
        assert await first
        await rest[0]
        assert len(self.seen_from_outside()) == 100
        await gatherResults(rest)

    async def test_a_caller_may_stop_waiting(self) -> None:
        """A cancelled wait takes nothing back: what was asked for is done, and the store goes on."""
        gate = threading.Event()
        first = self.writing_until(gate)
        forgotten = self.store.write(project("a"))
        forgotten.cancel()
        await self.assertFailure(forgotten, CancelledError)
        gate.set()
        assert await first
        assert await self.store.write(names) == ["a"]

    async def test_a_full_disk_fails_only_what_needs_room(self) -> None:
        """The sentence says that the disk is full; what was there stays, and what fits is taken."""
        await self.store.write(project("a"))
        pages = await self.store.write(pragma("page_count"))
        await self.store.write(pragma(f"max_page_count={pages}"))
        refused = await self.assertFailure(self.store.write(project("b" * 100_000)), UnavailableError)
        assert "disk" in str(refused)
        await self.store.write(project("c"))
        assert await self.store.read(names) == ["a", "c"]

    async def test_a_lock_is_told(self) -> None:
        """While another program holds the write lock a write fails with a sentence, reads go on; then writes do too."""
        await self.store.write(pragma("busy_timeout=1"))
        other = sqlite3.connect(self.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        refused = await self.assertFailure(self.store.write(project("a")), UnavailableError)
        assert "locked" in str(refused)
        assert await self.store.read(names) == []
        other.close()
        await self.store.write(project("b"))
        assert await self.store.read(names) == ["b"]

    async def test_a_lost_transaction_is_told_to_all_it_held(self) -> None:
        """Where the database gives up a whole group, none of its units is answered as done."""

        def lose(connection: Connection) -> None:
            connection.exec_driver_sql("ROLLBACK")
            raise BrokenUnitError

        gate = threading.Event()
        first = self.writing_until(gate)
        group: list[Deferred[Any]] = [self.store.write(unit) for unit in (project("a"), lose, project("b"))]
        gate.set()
        assert await first
        for answer in group:
            await self.assertFailure(answer, BrokenUnitError)
        await self.store.write(project("c"))
        assert await self.store.read(names) == ["c"]

    async def test_a_commit_is_durable(self) -> None:
        """The writing connection syncs each commit of its write-ahead log."""

        settings = [await self.store.write(pragma(name)) for name in ("journal_mode", "synchronous", "foreign_keys")]
        assert settings == ["wal", 2, 1]

    def writing_until(self, gate: threading.Event) -> Deferred[bool]:
        """Keep the writing thread in a unit; what is written meanwhile becomes one group."""
        begun = threading.Event()

        def unit(_: Connection) -> bool:
            begun.set()
            return gate.wait(30)

        answer = self.store.write(unit)
        assert begun.wait(30)
        return answer

    def seen_from_outside(self) -> list[tuple[str]]:
        """The rows as another process finds them."""
        with sqlite3.connect(self.path) as outside:
            found = outside.execute("SELECT name FROM projects").fetchall()
        outside.close()
        return found
