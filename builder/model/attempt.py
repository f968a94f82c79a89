"""An attempt: one try of a job on one slave, what it has to do, and how it ended."""

import enum
from typing import Annotated

import msgspec

from builder.model import Label, Sha256, Size, Text, Value
from builder.model.artifact import Artifact
from builder.model.chroot import BaseRepository, Chroot
from builder.model.lint import Lint
from builder.model.options import Options
from builder.model.project import SILENCE, GitSource, Packaging, StepTimeouts, Style
from builder.model.secret import Secret

AttemptId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
"""A random 128-bit number in hexadecimal."""


class AttemptState(enum.Enum):
    """Where an attempt stands; `failed` is the package's fault, `broken` is the farm's and is tried again."""

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
    """In which part of the work an attempt went wrong."""

    SOURCES = "sources"
    SRPM = "srpm"
    DEPENDENCY = "dependency"
    COMPILE = "compile"
    TEST = "test"
    TIMEOUT = "timeout"
    INFRASTRUCTURE = "infrastructure"


class LastBuilt(Value, frozen=True, kw_only=True):
    """The highest EVR already published, or being published, for a package and chroot; see `builder.runner.gate`.

    `inputs` is the digest of the commits and sources it was made from; `serial` counts its forced rebuilds;
    `everywhere` is whether it is there for every chroot that the order is for. `same` is a lower EVR that was made from
    the order's inputs, if this one was not; `taken`, in the order of a forced build, are the EVRs that there were.
    """

    evr: str
    inputs: Sha256
    serial: int = 0
    everywhere: bool = True
    same: str | None = None
    taken: Annotated[tuple[str, ...], msgspec.Meta(max_length=100)] = ()


class SourceWork(Value, frozen=True, kw_only=True, tag="source"):
    """Resolve the refs, gather the sources and make the SRPM.

    `build` goes into `%{_checkout}` of the style `ci`. `options` are those that hold in every chroot; `chosen` is a
    digest of the options in all of them, which are inputs like the sources, where there are any. `secrets` are those
    that the two places name; no other work has any, and the slave keeps them apart from the order.
    """

    project: Label
    package: Label
    style: Style
    packaging: Packaging
    upstream: GitSource | None = None
    build: int
    options: Options = Options()
    chosen: Sha256 | None = None
    secrets: Annotated[tuple[Secret, ...], msgspec.Meta(max_length=2)] = ()


class ChrootWork(Value, frozen=True, kw_only=True, tag="chroot"):
    """Build an SRPM in a chroot.

    `repositories` are the project's own and its external ones, in addition to the chroot's base repositories. `force`
    passes the gate; then the release of a rebuild that would repeat an EVR gets the next serial. `options` are those
    that hold in this chroot. With `rpmlint`, that looks at what was built.
    """

    project: Label
    package: Label
    style: Style
    chroot: Chroot
    repositories: Annotated[tuple[BaseRepository, ...], msgspec.Meta(max_length=40)]
    network: bool
    srpm: Artifact
    inputs: Sha256
    force: bool = False
    last_built: LastBuilt | None = None
    options: Options = Options()
    rpmlint: bool = False


class Order(Value, frozen=True, kw_only=True):
    """All that a slave needs for one attempt, which it ends when the time is over.

    Seconds: `timeout` for the whole of its runner's work, `timeouts` for its steps, and `silence` for the time in which
    nothing is written to the log.
    """

    attempt: AttemptId
    fence: Annotated[int, msgspec.Meta(ge=1)]
    build: Annotated[int, msgspec.Meta(ge=1)]
    job: Label
    timeout: int
    timeouts: StepTimeouts = StepTimeouts()
    silence: int = SILENCE
    work: SourceWork | ChrootWork


class Commit(Value, frozen=True, kw_only=True):
    """The commit that a ref was resolved to; `date` is its committer date, UTC, as `YYYY-MM-DDTHH:MM:SSZ`."""

    git: Text
    ref: Text
    commit: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{40,64}\Z")]
    date: str


class SourceFacts(Value, frozen=True, kw_only=True):
    """What the source job found out, from which the chroot jobs are planned.

    `inputs` is a digest over the commits and the digests of every source. The lists are the spec's own tags, as
    rpm evaluates them.
    """

    evr: str
    inputs: Sha256
    commits: Annotated[tuple[Commit, ...], msgspec.Meta(max_length=2)]
    exclusive_arch: Annotated[tuple[Label, ...], msgspec.Meta(max_length=100)] = ()
    exclude_arch: Annotated[tuple[Label, ...], msgspec.Meta(max_length=100)] = ()
    build_arch: Annotated[tuple[Label, ...], msgspec.Meta(max_length=100)] = ()


class Outcome(Value, frozen=True, kw_only=True):
    """How an attempt ended.

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
    """How far the master has an attempt's ordered stream: step records and bytes of log."""

    records: Size
    log: Size
