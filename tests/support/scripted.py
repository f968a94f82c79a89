"""Slaves and repository builders that do what a test says, message by message."""

import hashlib
from typing import Any, TypeVar

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from builder import __version__
from builder.certificates import Identity
from builder.master.operations import GATHER
from builder.model import Value
from builder.model.artifact import LISTING_NAME, Artifact, ArtifactKind, Listing
from builder.model.attempt import AttemptState, Outcome, Position, SourceFacts
from builder.model.dependencies import DEPENDENCIES_NAME, Dependencies
from builder.model.operation import NumberedOperation
from builder.model.slave import HostFacts
from builder.model.step import StepName
from builder.model.work import WorkOrder
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
    RepoHello,
    Request,
    Role,
    StartJob,
    StepFinished,
    StepStarted,
    Welcome,
)
from tests.support.store import answer
from tests.support.wire import MemorySessions, MemoryWire

A = TypeVar("A", bound=Value)

FACTS = SourceFacts(evr="1.0-1", inputs="1" * 64, commits=())
BUILT = Outcome(state=AttemptState.SUCCEEDED, evr="1.0-1.fc43")
MADE = Outcome(state=AttemptState.SUCCEEDED, source=FACTS)


def artifact(name: str, content: bytes, kind: ArtifactKind = ArtifactKind.RPM) -> Artifact:
    """A file with this content."""
    return Artifact(name=name, kind=kind, size=len(content), sha256=hashlib.sha256(content).hexdigest())


def listed(attempt: str, *artifacts: Artifact) -> tuple[Artifact, bytes]:
    """The listing of these artifacts, and its content."""
    content = msgspec.json.encode(Listing(attempt=attempt, artifacts=artifacts))
    return artifact(LISTING_NAME, content, ArtifactKind.LISTING), content


def dependencies(content: bytes) -> tuple[Artifact, bytes]:
    """A file of this content that says what a package requires and provides."""
    return artifact(DEPENDENCIES_NAME, content, ArtifactKind.DEPENDENCIES), content


class ScriptedPeer(MemorySessions):
    """The other end of a connection with the master; what it is asked is kept, and answered as the test wants."""

    def __init__(self, identity: Identity) -> None:
        super().__init__(dict.fromkeys((StartJob, CancelJob, Operate), self._answer))
        self.identity = identity
        self.asked: list[Any] = []
        self.refusal: Exception | None = None
        self.silent = False
        self.wire: MemoryWire | None = None

    @property
    def closed(self) -> str | None:
        """Why the newest connection has ended, if it has."""
        return self.newest.reason

    def ask(self, request: Request[A]) -> Deferred[A]:
        """Ask the master; on a wire in memory, let everything arrive."""
        asked = self.newest.peer.ask(request)
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


class ScriptedSlave(ScriptedPeer):
    """A slave that does what the test says, message by message."""

    def __init__(self, name: str, capacity: int = 2, architectures: tuple[str, ...] = ("x86_64",)) -> None:
        super().__init__(Identity(role=Role.SLAVE, name=name))
        self.capacity = capacity
        self.architectures = architectures

    @property
    def orders(self) -> list[WorkOrder]:
        """What it was ordered, each order as often as it came."""
        return [request.order for request in self.asked if isinstance(request, StartJob)]

    @property
    def cancelled(self) -> list[str]:
        """The attempts that it was told to stop."""
        return [request.attempt for request in self.asked if isinstance(request, CancelJob)]

    def subscription(self, *held: WorkOrder, protocol: int = PROTOCOL_VERSION) -> Hello:
        """What it says of itself, with these attempts in hand."""
        return Hello(
            protocol=protocol,
            version=__version__,
            channels=("package", "release"),
            architectures=self.architectures,
            capacity=self.capacity,
            facts=HostFacts(hostname=f"{self.identity.name}.example.org"),
            held=tuple(order.attempt for order in held),
        )

    def hello(self, *held: WorkOrder, protocol: int = PROTOCOL_VERSION) -> Deferred[Welcome]:
        """Say hello, with these attempts in hand."""
        return self.ask(self.subscription(*held, protocol=protocol))

    def started(self, order: WorkOrder) -> Deferred[Position]:
        """Report that the runner is at work."""
        return self.ask(JobStarted(attempt=order.attempt, number=0, time=1.0))

    def step(
        self, order: WorkOrder, number: int, step: StepName = StepName.BUILD, offset: int = 0
    ) -> Deferred[Position]:
        """Report that a step has begun, as record `number`."""
        return self.ask(
            StepStarted(attempt=order.attempt, number=number, step=step, log_offset=offset, time=2.0 + number)
        )

    def stepped(self, order: WorkOrder, number: int, step: StepName = StepName.BUILD, *, ok: bool = True) -> Any:
        """Report that a step has ended, as record `number`."""
        return self.ask(StepFinished(attempt=order.attempt, number=number, step=step, ok=ok, time=2.0 + number))

    def log(self, order: WorkOrder, offset: int, data: bytes) -> Deferred[Position]:
        """Report a piece of the log."""
        return self.ask(LogChunk(attempt=order.attempt, offset=offset, data=data))

    def begin(self, order: WorkOrder, wanted: Artifact) -> Deferred[Any]:
        """Announce an artifact."""
        return self.ask(BeginArtifact(attempt=order.attempt, artifact=wanted))

    def chunk(self, order: WorkOrder, name: str, offset: int, data: bytes) -> Deferred[Any]:
        """Deliver a piece of an artifact."""
        return self.ask(ArtifactChunk(attempt=order.attempt, name=name, offset=offset, data=data))

    def deliver(self, order: WorkOrder, *files: tuple[Artifact, bytes]) -> None:
        """Deliver whole artifacts, and the listing of them."""
        for wanted, content in (*files, listed(order.attempt, *(wanted for wanted, _ in files))):
            answer(self.begin(order, wanted))
            answer(self.chunk(order, wanted.name, 0, content))

    def finish(self, order: WorkOrder, outcome: Outcome, records: int = 0, log: int = 0) -> Deferred[Accepted]:
        """Report the end."""
        return self.ask(JobFinished(attempt=order.attempt, records=records, log=log, outcome=outcome))

    def make_source(self, order: WorkOrder, facts: SourceFacts = FACTS, found: Dependencies | None = None) -> bytes:
        """Carry out a source job from its beginning to its end; returns the SRPM."""
        srpm = f"the SRPM of build {order.build}".encode()
        more = () if found is None else (dependencies(msgspec.json.encode(found)),)
        self.deliver(order, (artifact("hello-1.0-1.src.rpm", srpm, ArtifactKind.SRPM), srpm), *more)
        answer(self.finish(order, Outcome(state=AttemptState.SUCCEEDED, source=facts)))
        return srpm

    def make_package(self, order: WorkOrder, outcome: Outcome = BUILT, found: Dependencies | None = None) -> None:
        """Carry out a chroot job from its beginning to its end."""
        rpm = f"the RPM of {order.build}/{order.job}".encode()
        more = () if found is None else (dependencies(msgspec.json.encode(found)),)
        self.deliver(order, (artifact("hello-1.0-1.fc43.x86_64.rpm", rpm), rpm), *more)
        answer(self.finish(order, outcome))


class ScriptedRepo(ScriptedPeer):
    """A repository builder that does what the test says."""

    def __init__(self, name: str = "repo") -> None:
        super().__init__(Identity(role=Role.REPO, name=name))

    @property
    def operations(self) -> list[NumberedOperation]:
        """What it was told to do, in order, once operations have gathered."""
        if self.wire is not None and isinstance(self.wire.clock, Clock):
            self.wire.clock.advance(GATHER)
        return [request.operation for request in self.asked]

    def hello(self, protocol: int = PROTOCOL_VERSION) -> Deferred[Welcome]:
        """Say hello."""
        return self.ask(RepoHello(protocol=protocol, version=__version__))

    def apply(self, operation: NumberedOperation, *published: str) -> None:
        """Report that an operation is applied."""
        answer(self.ask(Applied(number=operation.number, generations=(), published=published)))
