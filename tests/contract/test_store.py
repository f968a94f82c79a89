"""Promises of every store, of one beside the reactor, and of each engine when it fails."""

import re
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import Any, cast

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError, InternalError, OperationalError
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, DeferredList, gatherResults
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase
from typing_extensions import override

from builder.errors import NotFoundError, UnavailableError
from builder.master.store import events
from builder.master.store import projects as stored_projects
from builder.master.store.backend import Backend
from builder.master.store.database import Store, open_store
from builder.master.store.schema import packages, projects
from builder.master.store.sqlite import SQLite
from builder.master.store.stamp import now
from builder.model.event import EventKind, Subject
from tests.support.postgresql import Server
from tests.support.store import T0, MemoryStore


class BrokenUnitError(Exception):
    """Raised by units of these tests."""


def project(name: str) -> Callable[[Connection], int]:
    """A unit that adds a row, and answers how many it added."""

    def add(connection: Connection) -> int:
        row = sa.insert(projects).values(name=name, definition="{}")
        return connection.execute(row.execution_options(preserve_rowcount=True)).rowcount

    return add


def broken(name: str) -> Callable[[Connection], None]:
    """A unit that adds a row and then fails."""

    def fail(connection: Connection) -> None:
        project(name)(connection)
        raise BrokenUnitError

    return fail


def orphan(connection: Connection, defer: str) -> None:
    """A unit whose mistake is found at the commit, once `defer` has put off the search for it."""
    connection.exec_driver_sql(defer)
    connection.execute(sa.insert(packages).values(project="nobody's", name="x", definition="{}"))


def names(connection: Connection) -> list[str]:
    """The rows that were added, in order."""
    row = "rowid" if connection.dialect.name == "sqlite" else "ctid"
    return list(connection.execute(sa.select(projects.c.name).order_by(sa.literal_column(row))).scalars())


def setting(text: str) -> Callable[[Connection], Any]:
    """A unit that asks the engine about its settings, and tells it some."""
    return lambda connection: connection.exec_driver_sql(text).scalar_one()


class StoreContract(TestCase):
    """The promises of `Store`; a subclass makes one whose time is that of `clock`, from `T0` on.

    Attributes:
        defer: What puts off the check of foreign keys to the commit.
        refusal: How a change is refused where nothing may be changed.
        gaps: Whether a number that a failed unit took is lost.
    """

    __test__ = False
    clock: Clock
    store: Store
    defer = "PRAGMA defer_foreign_keys=ON"
    refusal: type[DBAPIError] = OperationalError
    gaps = False

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
        await self.assertFailure(self.store.write(partial(orphan, defer=self.defer)), IntegrityError)
        await self.store.write(project("a"))
        count = sa.select(sa.func.count()).select_from(packages)
        assert await self.store.read(lambda connection: connection.execute(count).scalar_one()) == 0

    async def test_rows_refer_to_rows(self) -> None:
        """Foreign keys are enforced."""
        add = sa.insert(packages).values(project="nobody's", name="x", definition="{}")
        await self.assertFailure(self.store.write(lambda connection: connection.execute(add).rowcount), IntegrityError)

    async def test_a_read_cannot_write(self) -> None:
        """A unit that changes something is refused by `read`, and accepted by `write` afterwards."""
        await self.assertFailure(self.store.read(project("a")), self.refusal)
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
        """However many write at once, and some in vain, a reader sees 1, 2, 3… never a later one before an earlier.

        Where the engine does not give a failed unit's number again, 3 may follow 1.
        """

        def tell(number: int) -> Callable[[Connection], None]:
            def unit(connection: Connection) -> None:
                events.record(connection, EventKind.BUILD_QUEUED, Subject(build=number))
                if number % 7 == 0:
                    raise BrokenUnitError

            return unit

        seen: list[int] = []
        builds: list[int | None] = []
        told = DeferredList([self.store.write(tell(number)) for number in range(300)], consumeErrors=True)
        while len(seen) < 300 - 43:
            rung = self.store.changed.wait()
            new = await self.store.read(partial(events.since, number=max(seen, default=0)))
            seen += [event.number for event in new]
            builds += [event.build for event in new]
            if told.called:
                rung.addErrback(lambda _: None).cancel()
            else:
                await rung
        assert builds == [number for number in range(300) if number % 7]
        assert seen == sorted(set(seen)) if self.gaps else list(range(1, 300 - 43 + 1))
        assert await self.store.read(events.newest) == (seen[-1] if self.gaps else 300 - 43)

    async def test_a_unit_has_the_time_of_the_store(self) -> None:
        """Be it written or read, it is stamped when it begins, and what it writes down bears the stamp."""
        assert await self.store.write(now) == T0
        self.clock.advance(60)
        assert await self.store.read(now) == T0 + 60
        await self.store.write(partial(events.record, kind=EventKind.BUILD_QUEUED, subject=Subject(build=1)))
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


class DatabaseStoreContract(StoreContract):
    """Promises of a store that works beside the reactor, in threads of its own."""

    backend: Backend

    @override
    def setUp(self) -> None:
        self.before = threading.active_count()
        self.clock = Clock()
        threads = cast(IReactorFromThreads, reactor)
        self.store = open_store(threads, self.backend, lambda: T0 + self.clock.seconds())
        self._open = True
        self.addCleanup(self.close)

    async def close(self) -> None:
        if self._open:
            self._open = False
            await self.store.close()

    def seen_from_outside(self) -> list[tuple[Any, ...]]:
        """Return the rows as another process finds them."""
        raise NotImplementedError

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

    async def test_a_read_sees_one_state(self) -> None:
        """A unit that reads does not see what is committed meanwhile; the next one does."""
        gate, begun = threading.Event(), threading.Event()

        def twice(connection: Connection) -> list[list[str]]:
            first = names(connection)
            begun.set()
            assert gate.wait(30)
            return [first, names(connection)]

        reading = self.store.read(twice)
        assert begun.wait(30)
        await self.store.write(project("a"))
        gate.set()
        assert await reading == [[], []]
        assert await self.store.read(names) == ["a"]

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

    def writing_until(self, gate: threading.Event) -> Deferred[bool]:
        """Keep the writing thread in a unit; what is written meanwhile becomes one group."""
        begun = threading.Event()

        def unit(_: Connection) -> bool:
            begun.set()
            return gate.wait(30)

        answer = self.store.write(unit)
        assert begun.wait(30)
        return answer


class SQLiteStoreTests(DatabaseStoreContract):
    """The store in a file keeps the contract, and stands what happens to files."""

    __test__ = True

    @override
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name, "builder.db")
        self.backend = SQLite(self.path)
        super().setUp()

    @override
    def seen_from_outside(self) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.path) as outside:
            found = outside.execute("SELECT name FROM projects").fetchall()
        outside.close()
        return found

    async def test_a_full_disk_fails_only_what_needs_room(self) -> None:
        """The sentence says that the disk is full; what was there stays, and what fits is taken."""
        await self.store.write(project("a"))
        pages = await self.store.write(setting("PRAGMA page_count"))
        await self.store.write(setting(f"PRAGMA max_page_count={pages}"))
        refused = await self.assertFailure(self.store.write(project("b" * 100_000)), UnavailableError)
        assert "disk" in str(refused)
        await self.store.write(project("c"))
        assert await self.store.read(names) == ["a", "c"]

    async def test_a_lock_is_told(self) -> None:
        """While another program holds the write lock a write fails with a sentence, reads go on; then writes do too."""
        await self.store.write(setting("PRAGMA busy_timeout=1"))
        other = sqlite3.connect(self.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        refused = await self.assertFailure(self.store.write(project("a")), UnavailableError)
        assert "locked" in str(refused)
        assert await self.store.read(names) == []
        other.close()
        await self.store.write(project("b"))
        assert await self.store.read(names) == ["b"]

    async def test_a_commit_is_durable(self) -> None:
        """The writing connection syncs each commit of its write-ahead log."""

        asked = [setting(f"PRAGMA {name}") for name in ("journal_mode", "synchronous", "foreign_keys")]
        assert [await self.store.write(unit) for unit in asked] == ["wal", 2, 1]


class PostgreSQLStoreTests(DatabaseStoreContract):
    """The store in PostgreSQL keeps the contract, and stands what happens to servers."""

    __test__ = True
    defer = "ALTER TABLE packages ALTER CONSTRAINT fk_packages_project_projects DEFERRABLE INITIALLY DEFERRED"
    refusal = InternalError
    gaps = True

    @pytest.fixture(autouse=True)
    def _database(self, postgresql: Server) -> Iterator[None]:
        self.server = postgresql
        with postgresql.database() as self.name:
            self.backend = postgresql.at(self.name)
            yield

    def outside(self) -> psycopg.Connection:
        """Connect as another program does."""
        return self.server.connect(self.name)

    @override
    def seen_from_outside(self) -> list[tuple[Any, ...]]:
        with self.outside() as outside:
            return outside.execute("SELECT name FROM projects").fetchall()

    async def test_a_full_disk_fails_only_what_needs_room(self) -> None:
        """The sentence says that the disk is full; what was there stays, and what fits is taken."""
        await self.store.write(project("a"))
        room = 16 * 2**20 + 100  # a whole file of its log, and less than the value
        self.server.no_file_larger_than(room, await self.store.write(setting("SELECT pg_backend_pid()")))
        add = sa.insert(projects).values(name="b", definition=token_hex(room))
        writing: Deferred[object] = self.store.write(lambda connection: connection.execute(add).rowcount)
        assert "disk of the master's database is full" in str(await self.assertFailure(writing, UnavailableError))
        await self.store.write(project("c"))
        assert await self.store.read(names) == ["a", "c"]

    async def test_a_lock_is_told(self) -> None:
        """While another program holds the table a write fails with a sentence, reads go on; then writes do too."""
        await self.store.write(setting("SELECT set_config('lock_timeout', '10ms', false)"))
        with self.outside() as other, other.transaction():
            other.execute("LOCK TABLE projects IN EXCLUSIVE MODE")
            refused = await self.assertFailure(self.store.write(project("a")), UnavailableError)
            assert "locked" in str(refused)
            assert await self.store.read(names) == []
        await self.store.write(project("b"))
        assert await self.store.read(names) == ["b"]

    async def test_a_commit_is_durable(self) -> None:
        """The writing session waits for the log on the disk, whatever the server does for others."""
        with self.outside() as outside:
            outside.execute(f"ALTER DATABASE {self.name} SET synchronous_commit = off")
        with self.outside() as outside:
            assert outside.execute("SHOW synchronous_commit").fetchone() == ("off",)
        assert await self.store.write(setting("SHOW synchronous_commit")) == "on"

    async def test_a_server_that_stops_is_told(self) -> None:
        """While it is down each call fails with a sentence; once it is back, calls succeed, and nothing is lost."""
        await self.store.write(project("a"))
        assert await self.store.read(names) == ["a"]
        self.server.stop()
        for call in (self.store.write, self.store.read, self.store.write, self.store.read):
            refused = await self.assertFailure(call(names), UnavailableError)
            assert re.fullmatch(
                r"the master's database can't be used \([^()\n]+\); look at its server, then try again", str(refused)
            )
        self.server.start()
        await self.store.write(project("b"))
        assert await self.store.read(names) == ["a", "b"]

    async def test_a_damaged_database_is_told(self) -> None:
        """The sentence asks for the backup where a table cannot be read any more."""
        await self.store.write(project("a"))
        self.server.damage(self.name, "projects")
        await self.assertFailure(self.store.write(names), UnavailableError)  # which finds its connection lost
        for call in (self.store.read, self.store.write):
            assert "is damaged; stop the master" in str(await self.assertFailure(call(names), UnavailableError))

    async def test_a_connection_lost_in_a_group_fails_all_of_it(self) -> None:
        """None of its units is answered as done, none is, and the next group finds a new connection."""

        def lose(connection: Connection) -> None:
            self.server.hang_up(self.name)
            names(connection)

        gate = threading.Event()
        first = self.writing_until(gate)
        group: list[Deferred[Any]] = [self.store.write(unit) for unit in (project("a"), lose, project("b"))]
        gate.set()
        assert await first
        for answer in group:
            await self.assertFailure(answer, UnavailableError)
        await self.store.write(project("c"))
        assert self.seen_from_outside() == [("c",)]

    async def test_a_character_that_text_cannot_hold_is_replaced(self) -> None:
        """A text with a NUL is kept with another character in its place, and a name with one is answered as unknown."""
        await self.store.write(
            partial(events.record, kind=EventKind.JOB_FAILED, subject=Subject(build=1), text="exit\0code")
        )
        (event,) = await self.store.read(partial(events.since, number=0))
        assert event.text == "exit\N{REPLACEMENT CHARACTER}code"
        unknown: Deferred[object] = self.store.read(partial(stored_projects.one, name="a\0b"))
        assert "there is no project" in str(await self.assertFailure(unknown, NotFoundError))
