"""The real master without ports: its services over a store in memory, with scripted slaves and repository builders.

Every message crosses a wire in memory. Killing the master loses all that it has in mind and every connection, and keeps
its database and its folder.
"""

import enum
import hashlib
import itertools
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection
from twisted.internet.defer import Deferred, fail, maybeDeferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from builder import __version__
from builder.certificates import Identity
from builder.config import Credentials, MasterConfig
from builder.errors import UnavailableError
from builder.master import premises
from builder.master.service import Farm, Master
from builder.model import Value
from builder.model.artifact import LISTING_NAME, Artifact, ArtifactKind, Listing
from builder.model.attempt import AttemptState, Held, Order, Outcome, Position, SourceFacts
from builder.model.build import Build, BuildRequest
from builder.model.job import Attempt, Job
from builder.model.operation import Operation
from builder.model.slave import HostFacts
from builder.model.step import StepName
from builder.protocol import Handlers, Peer
from builder.wire import (
    PROTOCOL_VERSION,
    Accepted,
    Applied,
    ArtifactChunk,
    BeginArtifact,
    CancelJob,
    Done,
    Hello,
    JobFinished,
    JobStarted,
    LogChunk,
    Operate,
    Ping,
    RepoHello,
    Request,
    Role,
    StartJob,
    StepFinished,
    StepStarted,
    Welcome,
)
from tests.support.distribution import ROOT
from tests.support.store import MemoryStore, answer
from tests.support.wire import MemoryWire, connected_pair

A = TypeVar("A", bound=Value)
T = TypeVar("T")

MASTER = Identity(role=Role.MASTER, name="master")
X86, ARM = "fedora-43-x86_64", "fedora-43-aarch64"
DEFINITION = """\
project: hello
chroots: [fedora-43-x86_64, fedora-43-aarch64]
external:
  - {name: other, url: "https://other.example.org/$releasever"}
packages:
  hello:
    style: release
    packaging: {git: https://git.example.org/hello-rpm.git}
    chroots: {exclude: [fedora-43-aarch64]}
  both:
    style: release
    packaging: {git: https://git.example.org/both-rpm.git}
"""
FACTS = SourceFacts(evr="1.0-1", inputs="1" * 64, commits=())
LEASE, GRACE = 20.0, 10.0
BUILT = Outcome(state=AttemptState.SUCCEEDED, evr="1.0-1.fc43")
MADE = Outcome(state=AttemptState.SUCCEEDED, source=FACTS)


def artifact(name: str, content: bytes, kind: ArtifactKind = ArtifactKind.RPM) -> Artifact:
    """A file with this content."""
    return Artifact(name=name, kind=kind, size=len(content), sha256=hashlib.sha256(content).hexdigest())


def listed(attempt: str, *artifacts: Artifact) -> tuple[Artifact, bytes]:
    """The listing of these artifacts, and its content."""
    content = msgspec.json.encode(Listing(attempt=attempt, artifacts=artifacts))
    return artifact(LISTING_NAME, content, ArtifactKind.LISTING), content


class ScriptedPeer:
    """The other end of a connection with the master; what it is asked is kept, and answered as the test wants."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.asked: list[Any] = []
        self.refusal: Exception | None = None
        self.silent = False
        self.closed: str | None = None
        self.peer: Peer | None = None
        self.wire: MemoryWire | None = None

    def handlers(self) -> Handlers:
        """Everything that a master may ask."""
        return dict.fromkeys((StartJob, CancelJob, Operate), self._answer)

    def connected(self, peer: Peer) -> None:
        """Remember the master."""
        self.peer, self.closed = peer, None

    def disconnected(self, reason: str) -> None:
        """Remember why."""
        self.closed = reason

    def ask(self, request: Request[A]) -> Deferred[A]:
        """Ask the master; on a wire in memory, let everything arrive."""
        assert self.peer
        asked = self.peer.ask(request)
        if self.wire:
            self.wire.flush()
        return asked

    def cut(self) -> None:
        """Lose the connection."""
        assert self.wire
        self.wire.cut()
        self.wire.flush()

    async def _answer(self, request: Request[Any]) -> Done:
        self.asked.append(request)
        if self.silent:
            await Deferred()
        if self.refusal:
            raise self.refusal
        return Done()


class _Line:
    """One connection of a scripted peer: the end of an older one is none of its business any more."""

    def __init__(self, owner: ScriptedPeer) -> None:
        self.handlers = owner.handlers
        self._owner = owner
        self._peer: Peer | None = None

    def connected(self, peer: Peer) -> None:
        """This is the newest."""
        self._peer = peer
        self._owner.connected(peer)

    def disconnected(self, reason: str) -> None:
        """It has ended."""
        if self._owner.peer is self._peer:
            self._owner.disconnected(reason)


class ScriptedSlave(ScriptedPeer):
    """A slave that does what the test says, message by message."""

    def __init__(self, name: str, capacity: int = 2, architectures: tuple[str, ...] = ("x86_64",)) -> None:
        super().__init__(Identity(role=Role.SLAVE, name=name))
        self.capacity = capacity
        self.architectures = architectures

    @property
    def orders(self) -> list[Order]:
        """What it was ordered, each order as often as it came."""
        return [request.order for request in self.asked if isinstance(request, StartJob)]

    @property
    def cancelled(self) -> list[str]:
        """The attempts that it was told to stop."""
        return [request.attempt for request in self.asked if isinstance(request, CancelJob)]

    def subscription(self, *held: Order, protocol: int = PROTOCOL_VERSION) -> Hello:
        """What it says of itself, with these attempts in hand."""
        return Hello(
            protocol=protocol,
            version=__version__,
            channels=("package", "release"),
            architectures=self.architectures,
            capacity=self.capacity,
            facts=HostFacts(hostname=f"{self.identity.name}.example.org"),
            held=tuple(held_of(order) for order in held),
        )

    def hello(self, *held: Order, protocol: int = PROTOCOL_VERSION) -> Deferred[Welcome]:
        """Say hello, with these attempts in hand."""
        return self.ask(self.subscription(*held, protocol=protocol))

    def started(self, order: Order) -> Deferred[Position]:
        """Report that the runner is at work."""
        return self.ask(JobStarted(attempt=order.attempt, number=0, time=1.0))

    def step(self, order: Order, number: int, step: StepName = StepName.BUILD, offset: int = 0) -> Deferred[Position]:
        """Report that a step has begun, as record `number`."""
        return self.ask(
            StepStarted(attempt=order.attempt, number=number, step=step, log_offset=offset, time=2.0 + number)
        )

    def stepped(self, order: Order, number: int, step: StepName = StepName.BUILD, *, ok: bool = True) -> Any:
        """Report that a step has ended, as record `number`."""
        return self.ask(StepFinished(attempt=order.attempt, number=number, step=step, ok=ok, time=2.0 + number))

    def log(self, order: Order, offset: int, data: bytes) -> Deferred[Position]:
        """Report a piece of the log."""
        return self.ask(LogChunk(attempt=order.attempt, offset=offset, data=data))

    def begin(self, order: Order, wanted: Artifact) -> Deferred[Any]:
        """Announce an artifact."""
        return self.ask(BeginArtifact(attempt=order.attempt, artifact=wanted))

    def chunk(self, order: Order, name: str, offset: int, data: bytes) -> Deferred[Any]:
        """Deliver a piece of an artifact."""
        return self.ask(ArtifactChunk(attempt=order.attempt, name=name, offset=offset, data=data))

    def deliver(self, order: Order, *files: tuple[Artifact, bytes]) -> None:
        """Deliver whole artifacts, and the listing of them."""
        for wanted, content in (*files, listed(order.attempt, *(wanted for wanted, _ in files))):
            answer(self.begin(order, wanted))
            answer(self.chunk(order, wanted.name, 0, content))

    def finish(self, order: Order, outcome: Outcome, records: int = 0, log: int = 0) -> Deferred[Accepted]:
        """Report the end."""
        return self.ask(JobFinished(attempt=order.attempt, records=records, log=log, outcome=outcome))

    def make_source(self, order: Order, facts: SourceFacts = FACTS) -> bytes:
        """Carry out a source job from its beginning to its end; returns the SRPM."""
        srpm = f"the SRPM of build {order.build}".encode()
        self.deliver(order, (artifact("hello-1.0-1.src.rpm", srpm, ArtifactKind.SRPM), srpm))
        answer(self.finish(order, Outcome(state=AttemptState.SUCCEEDED, source=facts)))
        return srpm

    def make_package(self, order: Order, outcome: Outcome = BUILT) -> None:
        """Carry out a chroot job from its beginning to its end."""
        rpm = f"the RPM of {order.build}/{order.job}".encode()
        self.deliver(order, (artifact("hello-1.0-1.fc43.x86_64.rpm", rpm), rpm))
        answer(self.finish(order, outcome))


class ScriptedRepo(ScriptedPeer):
    """A repository builder that does what the test says."""

    def __init__(self, name: str = "repo") -> None:
        super().__init__(Identity(role=Role.REPO, name=name))

    @property
    def operations(self) -> list[Operation]:
        """What it was told to do, in order."""
        return [request.operation for request in self.asked]

    def hello(self, protocol: int = PROTOCOL_VERSION) -> Deferred[Welcome]:
        """Say hello."""
        return self.ask(RepoHello(protocol=protocol, version=__version__))

    def apply(self, operation: Operation, *published: str) -> None:
        """Report that an operation is applied."""
        answer(self.ask(Applied(number=operation.number, generations=(), published=published)))


def held_of(order: Order) -> Held:
    """What a slave says of an attempt that it has in hand."""
    return Held(build=order.build, job=order.job, attempt=order.attempt, fence=order.fence)


class Fate(enum.Enum):
    """What becomes of a write."""

    ANSWERED = "written, and answered"
    REFUSED = "not written"
    UNANSWERED = "written, but nobody hears of it"


class FlakyStore:
    """A store whose next writes have these fates, in their order."""

    def __init__(self) -> None:
        self._store = MemoryStore()
        self.changed = self._store.changed
        self.fates: list[Fate] = []

    def write(self, unit: Callable[[Connection], T]) -> Deferred[T]:
        """As it is fated."""
        fate = self.fates.pop(0) if self.fates else Fate.ANSWERED
        if fate is Fate.REFUSED:
            return fail(UnavailableError("the disk of the master's database is full"))
        written = self._store.write(unit)
        if fate is Fate.UNANSWERED:
            return written.addCallback(lambda _: fail(UnavailableError("the answer was lost")))
        return written

    def read(self, unit: Callable[[Connection], T]) -> Deferred[T]:
        """As ever."""
        return self._store.read(unit)

    def close(self) -> Deferred[None]:
        """As ever."""
        return self._store.close()


class HeadlessMaster:
    """A master that lives as often as the test wants, over one store in memory and one folder."""

    def __init__(self, folder: Path, tries: int = 3) -> None:
        self.folder = folder
        self.store = FlakyStore()
        self.clock = Clock()
        self._config = MasterConfig(
            state=folder,
            credentials=Credentials(ca=folder / "ca.pem", certificate=folder / "m.pem", key=folder / "m.key"),
            url="https://farm.example.org",
            chroots=(ROOT / "mock-configs",),
            lease=LEASE,
            grace=GRACE,
            tries=tries,
        )
        self._ids = (f"{number:032x}" for number in itertools.count(1))
        self._peers: list[ScriptedPeer] = []
        self._held = premises.Premises(folder)
        self._held.enter()
        self.begin()

    @property
    def farm(self) -> Farm:
        """What the master can do for people."""
        return self._master.farm

    def begin(self) -> None:
        """A life begins."""
        self._master = Master(self._config, self.store, self.clock, self._aside, lambda: next(self._ids))
        answer(self._master.start())

    def kill(self) -> None:
        """A life ends without a word."""
        self._master.stop()
        for peer in self._peers:
            peer.cut()
        self._peers.clear()

    def restart(self) -> None:
        """A life ends, the next one begins."""
        self.kill()
        self.begin()

    def end(self) -> None:
        """Leave nothing behind."""
        self.kill()
        self._held.leave()

    def connect(self, peer: ScriptedPeer) -> None:
        """Somebody dials, but says nothing yet."""
        session = self._master.session_for(peer.identity)
        peer.wire = connected_pair(session, MASTER, _Line(peer), peer.identity, self.clock)
        self._peers.append(peer)

    def forget_chroots(self) -> None:
        """A life ends, and the next one finds no chroots."""
        self._config = msgspec.structs.replace(self._config, chroots=())
        self.restart()

    def build(self, package: str = "hello", *chroots: str, force: bool = False) -> int:
        """Somebody asks for a build; returns its number."""
        request = BuildRequest(package=package, chroots=chroots, force=force)
        number = answer(self.farm.builds.request(request, "ada")).number
        self.flush()
        return number

    def cancel(self, number: int, job: str | None = None) -> None:
        """Somebody cancels."""
        answer(self.farm.builds.cancel(number, job, "ada"))
        self.flush()

    def flush(self) -> None:
        """Let everything arrive that is under way."""
        self.clock.advance(0)

    def wait(self, seconds: float) -> None:
        """Let time pass, second by second, in which connected peers are heard."""
        for _ in range(int(seconds)):
            for peer in self._peers:
                if peer.closed is None:
                    answer(peer.ask(Ping()))
            self.clock.advance(1)

    def show(self, number: int) -> Build:
        """A build as people see it."""
        return answer(self.farm.builds.show(number))

    def job(self, number: int, name: str) -> Job:
        """A job as people see it."""
        return next(job for job in self.show(number).jobs if job.name == name)

    def attempts(self, number: int, name: str) -> tuple[Attempt, ...]:
        """The attempts at a job, the oldest first."""
        return self.job(number, name).attempts

    def incoming(self, order: Order) -> Path:
        """Where what an attempt delivers is put."""
        return self.folder / "incoming" / str(order.build) / order.job / str(order.fence)

    def stored_log(self, order: Order) -> bytes:
        """The log of an attempt, as the master has it."""
        return self.farm.logs.read(order.build, order.job, order.fence, 0, 1 << 20)

    def _aside(self, work: Callable[[], T]) -> Deferred[T]:
        return maybeDeferred(work)


class MasterCase(SynchronousTestCase):
    """A master with a project and a repository builder that has made its repositories; slaves are the test's."""

    tries = 3

    @override
    def setUp(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="master-"))
        self.addCleanup(shutil.rmtree, folder)
        self.master = HeadlessMaster(folder, self.tries)
        self.addCleanup(self.master.end)
        answer(self.master.farm.definitions.apply(DEFINITION, dry_run=False))
        self.repo = ScriptedRepo()
        self.master.connect(self.repo)
        answer(self.repo.hello())
        self.repo.apply(self.repo.operations[0])

    def slave(self, name: str = "a", capacity: int = 2, **more: Any) -> ScriptedSlave:
        """A slave that is connected and welcome."""
        slave = ScriptedSlave(name, capacity, **more)
        self.master.connect(slave)
        answer(slave.hello())
        return slave

    def again(self, slave: ScriptedSlave, *held: Order) -> Welcome:
        """A slave connects once more, with these attempts in hand."""
        self.master.connect(slave)
        return answer(slave.hello(*held))

    def package_order(self, slave: ScriptedSlave, package: str = "hello", *chroots: str) -> Order:
        """Ask for a build, let the slave make its source, and return the order for the chroot job that follows."""
        self.master.build(package, *chroots)
        slave.make_source(slave.orders[-1])
        return slave.orders[-1]
