"""An attempt: one try of a job on one slave, its position on the way to the master, and its outcome."""

import enum
from typing import Annotated

import msgspec

from builder.model import Label, Sha256, Size, Text, Value
from builder.model.lint import Lint
from builder.model.step import Step

AttemptId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
"""A random 128-bit number in hexadecimal."""


class AttemptState(enum.Enum):
    """The state of an attempt; `failed` is the package's fault, `broken` is the farm's and is tried again."""

    RUNNING = "running"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    BROKEN = "broken"
    TIMED_OUT = "timed-out"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    SUPERSEDED = "superseded"


class FailureKind(enum.Enum):
    """The part of the work in which an attempt went wrong."""

    SOURCES = "sources"
    SRPM = "srpm"
    DEPENDENCY = "dependency"
    COMPILE = "compile"
    TEST = "test"
    TIMEOUT = "timeout"
    INFRASTRUCTURE = "infrastructure"


class Commit(Value, frozen=True, kw_only=True):
    """The commit that a ref was resolved to; `date` is its committer date, UTC, as `YYYY-MM-DDTHH:MM:SSZ`."""

    git: Text
    ref: Text
    commit: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{40,64}\Z")]
    date: str


class SourceFacts(Value, frozen=True, kw_only=True):
    """The facts that a source job found, from which the chroot jobs are planned.

    `inputs` is a digest over the commits and the digests of every source. The lists are the spec's own tags, as rpm
    evaluates them.
    """

    evr: str
    inputs: Sha256
    commits: Annotated[tuple[Commit, ...], msgspec.Meta(max_length=2)]
    exclusive_arch: Annotated[tuple[Label, ...], msgspec.Meta(max_length=100)] = ()
    exclude_arch: Annotated[tuple[Label, ...], msgspec.Meta(max_length=100)] = ()
    build_arch: Annotated[tuple[Label, ...], msgspec.Meta(max_length=100)] = ()


class Outcome(Value, frozen=True, kw_only=True):
    """The end of an attempt.

    `state` is one of the ends an attempt reports itself; `reason` is one line for a person; `source` comes from a
    source job that succeeded, `evr` from a chroot job that passed the gate (or was skipped: the EVR it found there),
    `lint` from one whose project asks for it.
    """

    state: AttemptState
    reason: Text = ""
    kind: FailureKind | None = None
    evr: str | None = None
    serial: Size = 0
    source: SourceFacts | None = None
    lint: Lint | None = None


class Position(Value, frozen=True, kw_only=True):
    """The position up to which the master has an attempt's ordered stream: step records and bytes of log."""

    records: Size
    log: Size


class Attempt(Value, frozen=True, kw_only=True):
    """An attempt, as it is shown; `lint` is what rpmlint found in its packages, where the project asks for it."""

    attempt: str
    fence: int
    slave: str
    state: AttemptState
    started: float
    finished: float | None = None
    reason: str = ""
    kind: FailureKind | None = None
    lint: Lint | None = None
    steps: tuple[Step, ...] = ()
