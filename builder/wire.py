"""The commands that master, slaves and repository builder send each other.

One long-lived connection per peer, opened by the peer to the master, carries all of it in both directions.

* A peer says `Hello` first. The master answers `Welcome` with a verdict on each attempt that the slave still holds.
* The master sends `StartJob`; the answer means that the slave has journaled the order. `CancelJob` stops an attempt;
  its answer means that the slave has taken note, the end comes as `JobFinished`.
* The slave reports an attempt as one ordered stream: `JobStarted`, then per step `StepStarted`, `LogChunk`s and
  `StepFinished`, then its artifacts, the listing last, then `JobFinished`. Step records are numbered from 0, log
  bytes are addressed by offset. Each report is answered with the `Position` up to which the master has the stream: a
  report that comes twice changes nothing, one that leaves a gap is not taken, and the slave goes on from the answer.
* `UnavailableError` in answer to a report means that the master cannot take it now (its disk is full, it stops):
  nothing is lost, the same report is sent again later.
* `BeginArtifact` is answered with the offset from which the master wants the file; `ArtifactChunk`s follow. When the
  last byte is there the master compares the digest: `DigestError` means that what it received was thrown away.
* `JobFinished`'s answer means committed and synced. Only after it may the slave delete the attempt.
* The slave fetches the files that an order names, by digest, with `FetchFile`.
* The master sends `Operate`; the answer means that the repository builder has seen it. The repository builder tells
  the outcome with `Applied` or `Rejected`, and again after a reconnection when the master asks again.
* Either side may `Ping`.

Every request may come twice. The roles that may send it stand with each request as `senders`; identity and role come
from the certificate alone. `docs/protocol.md` describes the boxes apart from Python.
"""

import enum
from typing import Annotated, Any, ClassVar, Generic, TypeVar

import msgspec

from builder import __version__, errors
from builder.model import Label, Sha256, Size, Text, Time, Value
from builder.model.artifact import Artifact
from builder.model.attempt import AttemptId, Outcome, Position
from builder.model.findings import Findings
from builder.model.operation import NumberedOperation, PublishedIn
from builder.model.slave import HostFacts, Labels
from builder.model.step import StepName
from builder.model.work import WorkOrder

PROTOCOL_VERSION = 1
CHUNK = 60_000
"""The most bytes of log or artifact in one request: with its fields it fits into an AMP value of 65,535."""


class Role(enum.Enum):
    """The role that a certificate of the farm's CA gives its owner."""

    MASTER = "master"
    SLAVE = "slave"
    REPO = "repo"


A = TypeVar("A", bound=Value)


class Request(Value, Generic[A], frozen=True, kw_only=True):
    """A command: its fields are the arguments, `answer` is the type of its answer.

    `senders` are the roles that may send it, `failures` the errors that its answer may be instead (besides
    `InternalError`, `InvalidError` and `ForbiddenError`, which every request may meet).
    """

    answer: ClassVar[type[Value]]
    senders: ClassVar[frozenset[Role]]
    failures: ClassVar[tuple[type[errors.BuilderError], ...]] = ()


class Done(Value, frozen=True, kw_only=True):
    """The answer that the request is done; there is nothing more to say."""


class Verdict(enum.Enum):
    """The master's verdict on an attempt that a slave holds."""

    CONTINUE = "continue"
    ACCEPTED = "accepted"
    SUPERSEDED = "superseded"
    UNKNOWN = "unknown"


class HeldVerdict(Value, frozen=True, kw_only=True):
    """The verdict on one held attempt; with `continue`, the position from which its stream goes on."""

    attempt: AttemptId
    verdict: Verdict
    position: Position


class Welcome(Value, frozen=True, kw_only=True):
    """The master's answer to `Hello`; it believes in a silent session for `lease` seconds."""

    protocol: int
    version: Text
    lease: float
    verdicts: Annotated[tuple[HeldVerdict, ...], msgspec.Meta(max_length=256)] = ()


_SLAVE = frozenset({Role.SLAVE})
_REPO = frozenset({Role.REPO})
_MASTER = frozenset({Role.MASTER})


class Hello(Request[Welcome], frozen=True, kw_only=True):
    """The greeting of a slave, which subscribes and says what is there.

    A newer one of the same name closes the older session. `held` are the attempts that the slave has and that are not
    yet acknowledged as finished.
    """

    answer = Welcome
    senders = _SLAVE
    failures = (errors.VersionError, errors.UnavailableError)

    protocol: int
    version: Text
    channels: Labels
    architectures: Labels
    capacity: Annotated[int, msgspec.Meta(ge=1, le=256)]
    facts: HostFacts
    held: Annotated[tuple[AttemptId, ...], msgspec.Meta(max_length=256)] = ()


class RepoHello(Request[Welcome], frozen=True, kw_only=True):
    """The greeting of the repository builder, which wants its operations."""

    answer = Welcome
    senders = _REPO
    failures = (errors.VersionError, errors.UnavailableError)

    protocol: int
    version: Text


class Ping(Request[Done], frozen=True, kw_only=True):
    """The question if the other side is there."""

    answer = Done
    senders = frozenset(Role)


class StartJob(Request[Done], frozen=True, kw_only=True):
    """The master's command to a slave to start an attempt. `UnavailableError` means not here, try elsewhere."""

    answer = Done
    senders = _MASTER
    failures = (errors.UnavailableError,)

    order: WorkOrder


class CancelJob(Request[Done], frozen=True, kw_only=True):
    """The master's command to a slave to stop an attempt.

    An attempt that the slave does not know is none of its business any more.
    """

    answer = Done
    senders = _MASTER
    failures = (errors.NotFoundError,)

    attempt: AttemptId


class Report(Request[Position], frozen=True, kw_only=True):
    """A part of an attempt's ordered stream; `SupersededError` means that nobody wants the attempt any more."""

    answer = Position
    senders = _SLAVE
    failures = (errors.SupersededError, errors.NotFoundError, errors.UnavailableError)

    attempt: AttemptId


class JobStarted(Report, frozen=True, kw_only=True):
    """Record 0: the runner is at work. `time` in seconds since the epoch, by the slave's clock."""

    number: Size
    time: Time


class StepStarted(Report, frozen=True, kw_only=True):
    """The report that a step has begun; its log begins at `log_offset`."""

    number: Size
    step: StepName
    log_offset: Size
    time: Time


class StepFinished(Report, frozen=True, kw_only=True):
    """The report that a step has ended."""

    number: Size
    step: StepName
    ok: bool
    time: Time


class LogChunk(Report, frozen=True, kw_only=True):
    """Bytes of the attempt's log, from `offset` on."""

    offset: Size
    data: bytes


class Offset(Value, frozen=True, kw_only=True):
    """The byte of a file from which the master wants it."""

    offset: Size


class BeginArtifact(Request[Offset], frozen=True, kw_only=True):
    """The announcement of a file of this attempt, which is about to come, or to come again."""

    answer = Offset
    senders = _SLAVE
    failures = (
        errors.SupersededError,
        errors.NotFoundError,
        errors.DigestError,
        errors.TooLargeError,
        errors.UnavailableError,
    )

    attempt: AttemptId
    artifact: Artifact


class ArtifactChunk(Request[Offset], frozen=True, kw_only=True):
    """Bytes of the artifact named `name`, from `offset` on; the answer is the offset to go on from."""

    answer = Offset
    senders = _SLAVE
    failures = (errors.SupersededError, errors.NotFoundError, errors.DigestError, errors.UnavailableError)

    attempt: AttemptId
    name: Label
    offset: Size
    data: bytes


class Accepted(Value, frozen=True, kw_only=True):
    """The answer that the end of an attempt is committed, or that nobody wants it: the slave may forget the attempt."""

    superseded: bool = False


class JobFinished(Request[Accepted], frozen=True, kw_only=True):
    """The last report: all records, all log and, after a success, all artifacts came before it.

    `ConflictError` means that a part of the stream is missing; the slave says `Hello` anew.
    """

    answer = Accepted
    senders = _SLAVE
    failures = (errors.NotFoundError, errors.ConflictError, errors.UnavailableError)

    attempt: AttemptId
    records: Size
    log: Size
    outcome: Outcome


class FilePart(Value, frozen=True, kw_only=True):
    """Bytes of a file whose whole size is `size`."""

    size: Size
    data: bytes


class FetchFile(Request[FilePart], frozen=True, kw_only=True):
    """The request for up to `CHUNK` bytes of the file with this digest, from `offset` on."""

    answer = FilePart
    senders = _SLAVE
    failures = (errors.NotFoundError, errors.UnavailableError)

    sha256: Sha256
    offset: Size


class Operate(Request[Done], frozen=True, kw_only=True):
    """The master's command to the repository builder to apply an operation, or to tell its outcome again."""

    answer = Done
    senders = _MASTER

    operation: NumberedOperation


class Applied(Request[Done], frozen=True, kw_only=True):
    """The message that the operation is in these generations; `published` are the NEVRAs it put there."""

    answer = Done
    senders = _REPO
    failures = (errors.NotFoundError, errors.UnavailableError)

    number: Size
    generations: Annotated[tuple[PublishedIn, ...], msgspec.Meta(max_length=200)]
    published: Annotated[tuple[Text, ...], msgspec.Meta(max_length=500)] = ()
    findings: Findings = Findings()


class Rejected(Request[Done], frozen=True, kw_only=True):
    """The message that the operation was refused for this reason; the delivery that it was about was set aside."""

    answer = Done
    senders = _REPO
    failures = (errors.NotFoundError, errors.UnavailableError)

    number: Size
    reason: Text
    findings: Findings = Findings()


REQUESTS: tuple[type[Request[Any]], ...] = (
    Hello,
    RepoHello,
    Ping,
    StartJob,
    CancelJob,
    JobStarted,
    StepStarted,
    StepFinished,
    LogChunk,
    BeginArtifact,
    ArtifactChunk,
    JobFinished,
    FetchFile,
    Operate,
    Applied,
    Rejected,
)
"""The commands, all of them: nothing else can be sent."""


def check_version(who: str, protocol: int, version: str) -> None:
    """Refuse a peer, `who` of Builder `version`, that speaks another version of the protocol than this master.

    Raises:
        VersionError: The versions differ; both sides have to be of the same version of Builder.
    """
    if protocol != PROTOCOL_VERSION:
        raise errors.VersionError(
            f"{who} (Builder {version}) speaks version {protocol} of the protocol, the master (Builder {__version__}) "
            f"version {PROTOCOL_VERSION}; bring both to the same version of Builder"
        )
