"""A farm in memory, and the means to make things happen in it: what the pages and the API show."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from builder.clock import deferred
from builder.config import Credentials, MasterConfig
from builder.master.bell import Bell
from builder.master.builds import Builds
from builder.master.definitions import Definitions
from builder.master.events import Events
from builder.master.people import People
from builder.master.store import events, jobs, schema
from builder.model.attempt import AttemptState, Outcome
from builder.model.job import JobState
from builder.model.slave import HostFacts, Slave
from builder.model.step import StepName
from tests.support.store import MemoryStore

T = TypeVar("T")

CHROOT = "fedora-43-x86_64"
OTHER_CHROOT = "fedora-43-aarch64"
T0 = 1_795_000_000.0
"""A moment in November 2026, at which everything begins."""

DEFINITION = f"""\
project: hello
chroots: [{CHROOT}, {OTHER_CHROOT}]
packages:
  hello:
    style: release
    packaging: {{git: https://git.example.org/hello-rpm.git, ref: main}}
  hellolib:
    style: ci
    upstream: {{git: https://git.example.org/hellolib.git, ref: main}}
    packaging: {{git: https://git.example.org/hellolib-rpm.git, ref: main}}
"""

ALPHA = Slave(
    name="alpha",
    connected=True,
    channels=("package", "release"),
    architectures=("x86_64", "i686"),
    capacity=4,
    busy=1,
    seen=T0,
    facts=HostFacts(hostname="alpha.example.org", system="Debian 12", cores=8, memory=32 * 2**30, executor="chroot"),
)
BETA = msgspec.structs.replace(
    ALPHA,
    name="beta",
    connected=False,
    architectures=("aarch64",),
    busy=0,
    facts=HostFacts(hostname="beta.example.org", system="Fedora 43", cores=4, memory=16 * 2**30, executor="mock"),
)


class MemoryLogs:
    """Logs in memory."""

    def __init__(self) -> None:
        self._logs: dict[tuple[int, str, int], bytes] = {}
        self._bells: dict[tuple[int, str, int], Bell] = {}

    def append(self, build: int, job: str, fence: int, offset: int, data: bytes) -> int:
        key = (build, job, fence)
        assert offset == self.length(*key)
        self._logs[key] = self._logs.get(key, b"") + data
        self._bells.setdefault(key, Bell()).ring()
        return self.length(*key)

    def length(self, build: int, job: str, fence: int) -> int:
        return len(self._logs.get((build, job, fence), b""))

    def read(self, build: int, job: str, fence: int, offset: int, limit: int) -> bytes:
        return self._logs.get((build, job, fence), b"")[offset : offset + limit]

    def changed(self, build: int, job: str, fence: int) -> Deferred[None]:
        return self._bells.setdefault((build, job, fence), Bell()).wait()


class MemorySlaves:
    """Slaves that are what they are."""

    def __init__(self, *slaves: Slave) -> None:
        self.slaves = slaves

    async def listing(self) -> tuple[Slave, ...]:
        return self.slaves


@dataclass(frozen=True)
class Farm:
    builds: Builds
    definitions: Definitions
    events: Events
    people: People
    slaves: MemorySlaves
    logs: MemoryLogs
    config: MasterConfig


class SmallFarm:
    """A farm of two slaves with the project `hello`; a test plays the slaves and the repository builder."""

    def __init__(self, state: Path, url: str | None = None) -> None:
        self.store = MemoryStore()
        files = Credentials(ca=state / "ca.pem", certificate=state / "master.pem", key=state / "master.key")
        config = MasterConfig(state=state, credentials=files, chroots=(), url=url)
        self.logs = MemoryLogs()
        self.farm = Farm(
            Builds(self.store),
            Definitions(self.store, {CHROOT, OTHER_CHROOT}, config.channels),
            Events(self.store),
            People(self.store),
            MemorySlaves(ALPHA, BETA),
            self.logs,
            config,
        )
        self.token = now(self.farm.people.issue("ada"))
        now(self.farm.definitions.apply(DEFINITION, dry_run=False))

    def begin(self, build: int, job: str, slave: str = "alpha", at: float = T0) -> int:
        """A slave begins an attempt; returns its fence."""

        def begun(connection: Connection) -> int:
            row = _job(connection, build, job)
            if row.state == JobState.WAITING.value:
                jobs.change(connection, row.id, JobState.QUEUED)
            fence = row.fence + 1
            jobs.change(connection, row.id, JobState.RUNNING, fence=fence)
            values = {"id": f"{row.id:030x}{fence:02x}", "job_id": row.id, "fence": fence}
            values |= {"slave": slave, "state": AttemptState.RUNNING.value, "started": at}
            connection.execute(sa.insert(schema.attempts).values(values))
            return int(fence)

        return now(self.store.write(begun))

    def step(self, build: int, job: str, name: StepName, at: float, took: float | None, *, ok: bool = True) -> None:
        """The newest attempt takes a step, or is in the middle of it."""

        def taken(connection: Connection) -> None:
            attempt = _attempt(connection, build, job)
            number = connection.execute(sa.select(sa.func.count()).select_from(schema.steps)).scalar_one()
            values = {"attempt": attempt, "number": number, "name": name.value, "started": at, "log_offset": 0}
            values |= {"finished": None, "ok": None} if took is None else {"finished": at + took, "ok": ok}
            connection.execute(sa.insert(schema.steps).values(values))
            events.record(connection, "step_started", build, job, name.value)

        now(self.store.write(taken))

    def write(self, build: int, job: str, fence: int, text: bytes) -> None:
        """An attempt writes into its log."""
        self.logs.append(build, job, fence, self.logs.length(build, job, fence), text)

    def end(
        self, build: int, job: str, state: JobState, outcome: Outcome, at: float = T0, published: Sequence[str] = ()
    ) -> None:
        """The newest attempt ends, and its job comes to `state`."""

        def ended(connection: Connection) -> None:
            row = _job(connection, build, job)
            attempt = {"state": outcome.state.value, "finished": at, "reason": outcome.reason}
            own = schema.attempts.c.id == _attempt(connection, build, job)
            connection.execute(sa.update(schema.attempts).where(own).values(attempt))
            if outcome.source is not None:
                source = {"source": msgspec.json.encode(outcome.source).decode()}
                connection.execute(sa.update(schema.builds).where(schema.builds.c.number == build).values(source))
            names = msgspec.json.encode(published).decode()
            jobs.change(connection, row.id, state, reason=outcome.reason, evr=outcome.evr, published=names)

        now(self.store.write(ended))


def _job(connection: Connection, build: int, name: str) -> sa.Row[tuple[int, str, int]]:
    columns = (schema.jobs.c.id, schema.jobs.c.state, schema.jobs.c.fence)
    own = (schema.jobs.c.build == build, schema.jobs.c.name == name)
    return connection.execute(sa.select(*columns).where(*own)).one()


def _attempt(connection: Connection, build: int, job: str) -> str:
    query = sa.select(schema.attempts.c.id).where(schema.attempts.c.job_id == _job(connection, build, job).id)
    return str(connection.execute(query.order_by(schema.attempts.c.fence.desc())).scalars().first())


def now(answer: Awaitable[T]) -> T:
    """The result of what needs no time."""
    results: list[T] = []
    failures: list[Failure] = []
    deferred(answer).addCallbacks(results.append, failures.append)
    for failure in failures:
        failure.raiseException()
    (result,) = results
    return result
