"""A farm in memory, and the means to make things happen in it: what the pages and the API show."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec
import sqlalchemy as sa
from twisted.internet.task import Clock

from builder.config import Credentials, MasterConfig
from builder.master.batches import Batches
from builder.master.builds import Builds
from builder.master.definitions import Definitions
from builder.master.events import Events
from builder.master.farm import Farm
from builder.master.logs import Logs
from builder.master.operations import Operations
from builder.master.people import People
from builder.master.seal import Seal
from builder.master.secrets import Secrets
from builder.master.slaves import Connection, Slaves
from builder.master.store import events, jobs, schema, slaves
from builder.master.store.jobs import Facts
from builder.model.attempt import AttemptState, Commit, Outcome, SourceFacts
from builder.model.build import BuildRequest
from builder.model.event import EventKind, Subject
from builder.model.job import JobState
from builder.model.slave import HostFacts
from builder.model.step import StepName
from builder.protocol import Peer
from builder.state import StateFolder
from builder.wire import PROTOCOL_VERSION, Hello
from tests.support.aside import aside
from tests.support.people import ADA
from tests.support.store import T0, MemoryStore, answer

T = TypeVar("T")

CHROOT = "fedora-43-x86_64"
OTHER_CHROOT = "fedora-43-aarch64"

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

COMMIT = Commit(git="https://git.example.org/hello-rpm.git", ref="main", commit="a" * 40, date="2026-11-18T00:00:00Z")
FACTS = SourceFacts(evr="1.0-1", inputs="0" * 64, commits=(COMMIT,))

ALPHA = Hello(
    protocol=PROTOCOL_VERSION,
    version="1",
    channels=("package", "release"),
    architectures=("x86_64", "i686"),
    capacity=4,
    facts=HostFacts(hostname="alpha.example.org", system="Debian 12", cores=8, memory=32 * 2**30, executor="chroot"),
)
BETA = msgspec.structs.replace(
    ALPHA,
    architectures=("aarch64",),
    facts=HostFacts(hostname="beta.example.org", system="Fedora 43", cores=4, memory=16 * 2**30, executor="mock"),
)


class SmallFarm:
    """A farm with the project `hello` and two slaves, of which alpha is connected; a test plays all daemons."""

    def __init__(self, folder: Path, url: str | None = None) -> None:
        self.store = MemoryStore()
        files = Credentials(ca=folder / "ca.pem", certificate=folder / "master.pem", key=folder / "master.key")
        config = MasterConfig(state=folder, credentials=files, chroots=(), url=url)
        known, state = Slaves(self.store), StateFolder(folder)
        self.farm = Farm(
            batches=Batches(self.store, known),
            builds=Builds(self.store, known),
            definitions=Definitions(self.store, {CHROOT, OTHER_CHROOT}, config.channels),
            events=Events(self.store),
            people=People(self.store),
            slaves=known,
            logs=Logs(state.logs),
            operations=Operations(self.store, Clock()),
            secrets=Secrets(self.store, Seal(state.seal)),
            aside=aside,
            config=config,
        )
        folder.mkdir(parents=True, exist_ok=True)
        answer(self.farm.secrets.prepare())
        for name, hello in (("alpha", ALPHA), ("beta", BETA)):
            answer(self.store.write(partial(slaves.save, name=name, hello=hello)))
        self.farm.slaves.admit(Connection("alpha", cast("Peer", None), ALPHA))
        self.token = answer(self.farm.people.issue("ada"))
        answer(self.farm.definitions.apply(DEFINITION, dry_run=False, visitor=ADA))

    def live(self) -> None:
        """Three builds: one is published for a chroot at the second attempt, one has failed, one is running."""
        for package in ("hello", "hellolib", "hello"):
            answer(self.farm.builds.request(BuildRequest(package=package), ADA))
        ok = Outcome(state=AttemptState.SUCCEEDED, evr="1.0-1.fc43")
        self.begin(1, "source")
        self.step(1, "source", StepName.FETCH, T0, 0.5)
        self.step(1, "source", StepName.SRPM, T0 + 0.5, 2.4)
        self.end(1, "source", JobState.SUCCEEDED, Outcome(state=AttemptState.SUCCEEDED, source=FACTS), T0 + 3)
        self.write(1, CHROOT, self.begin(1, CHROOT), b"first line\n")
        self.end(
            1, CHROOT, JobState.QUEUED, Outcome(state=AttemptState.BROKEN, reason="the slave alpha is lost"), T0 + 5
        )
        self.write(1, CHROOT, self.begin(1, CHROOT, "beta"), b"second attempt\n")
        self.step(1, CHROOT, StepName.CHROOT, T0, 12)
        self.step(1, CHROOT, StepName.BUILD, T0 + 12, 50)
        nevras = ["hello-1.0-1.fc43.x86_64", "hello-doc-1.0-1.fc43.noarch", "hello-debuginfo-1.0-1.fc43.x86_64"]
        self.end(1, CHROOT, JobState.PUBLISHING, ok, T0 + 65)
        self.end(1, CHROOT, JobState.SUCCEEDED, ok, T0 + 65, [*nevras, "hello-1.0-1.fc43.src"])
        failed = Outcome(state=AttemptState.FAILED, reason="%build: </p><script>alert(1)</script>")
        self.begin(2, "source")
        self.end(2, "source", JobState.FAILED, failed, T0 + 9)
        answer(self.farm.builds.cancel(2, None, ADA))
        self.begin(3, "source")
        self.step(3, "source", StepName.FETCH, T0, None)

    def begin(self, build: int, job: str, slave: str = "alpha", at: float = T0) -> int:
        """A slave begins an attempt; returns its fence."""

        def begun(connection: sa.Connection) -> int:
            row = _job(connection, build, job)
            if row.state == JobState.WAITING.value:
                jobs.change(connection, row.id, JobState.QUEUED)
            fence = row.fence + 1
            jobs.change(connection, row.id, JobState.RUNNING)
            own = schema.jobs.c.id == row.id
            connection.execute(sa.update(schema.jobs).where(own).values(fence=fence))
            values = {"id": f"{row.id:030x}{fence:02x}", "job_id": row.id, "fence": fence}
            values |= {"slave": slave, "state": AttemptState.RUNNING.value, "started": at}
            connection.execute(sa.insert(schema.attempts).values(values))
            return int(fence)

        return answer(self.store.write(begun))

    def step(self, build: int, job: str, name: StepName, at: float, took: float | None, *, ok: bool = True) -> None:
        """The newest attempt takes a step, or is in the middle of it."""

        def taken(connection: sa.Connection) -> None:
            attempt = _attempt(connection, build, job)
            number = connection.execute(sa.select(sa.func.count()).select_from(schema.steps)).scalar_one()
            values = {"attempt": attempt, "number": number, "name": name.value, "started": at, "log_offset": 0}
            values |= {"finished": None, "ok": None} if took is None else {"finished": at + took, "ok": ok}
            connection.execute(sa.insert(schema.steps).values(values))
            events.record(connection, EventKind.STEP_STARTED, Subject(build=build, job=job), name.value)

        answer(self.store.write(taken))

    def write(self, build: int, job: str, fence: int, text: bytes) -> None:
        """An attempt writes into its log."""
        self.farm.logs.append(build, job, fence, self.farm.logs.length(build, job, fence), text)

    def end(
        self, build: int, job: str, state: JobState, outcome: Outcome, at: float = T0, published: Sequence[str] = ()
    ) -> None:
        """The newest attempt ends, and its job comes to `state`."""

        def ended(connection: sa.Connection) -> None:
            row = _job(connection, build, job)
            attempt: dict[str, object] = {"state": outcome.state.value, "finished": at, "reason": outcome.reason}
            attempt["lint"] = msgspec.json.encode(outcome.lint).decode() if outcome.lint else None
            own = schema.attempts.c.id == _attempt(connection, build, job)
            connection.execute(sa.update(schema.attempts).where(own).values(attempt))
            if outcome.source is not None:
                source = {"source": msgspec.json.encode(outcome.source).decode()}
                connection.execute(sa.update(schema.builds).where(schema.builds.c.number == build).values(source))
            facts = Facts(evr=outcome.evr, published=tuple(published))
            jobs.change(connection, row.id, state, reason=outcome.reason, facts=facts)

        answer(self.store.write(ended))


def _job(connection: sa.Connection, build: int, name: str) -> Any:
    columns = (schema.jobs.c.id, schema.jobs.c.state, schema.jobs.c.fence)
    own = (schema.jobs.c.build == build, schema.jobs.c.name == name)
    return connection.execute(sa.select(*columns).where(*own)).one()


def _attempt(connection: sa.Connection, build: int, job: str) -> str:
    query = sa.select(schema.attempts.c.id).where(schema.attempts.c.job_id == _job(connection, build, job).id)
    return str(connection.execute(query.order_by(schema.attempts.c.fence.desc())).scalars().first())
