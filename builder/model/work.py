"""Work: what a slave is told to do in one attempt."""

from typing import Annotated

import msgspec

from builder.model import Label, Sha256, Value
from builder.model.artifact import Artifact
from builder.model.attempt import AttemptId
from builder.model.chroot import BaseRepository, Chroot
from builder.model.options import Options
from builder.model.package import SILENCE, GitSource, Packaging, StepTimeouts, Style
from builder.model.secret import Secret


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


class WorkOrder(Value, frozen=True, kw_only=True):
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
