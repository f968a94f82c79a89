"""Work: what a slave has to do in one attempt."""

from typing import Annotated, ClassVar, Self, TypeVar

import msgspec
from typing_extensions import override

from builder.errors import InvalidError
from builder.model import Label, Sha256, Value
from builder.model.artifact import Artifact
from builder.model.attempt import AttemptId
from builder.model.chroot import BaseRepository, Chroot
from builder.model.job import JobKind
from builder.model.options import Options
from builder.model.package import SILENCE, GitSource, Packaging, StepTimeouts, Style
from builder.model.secret import Secret
from builder.model.step import StepName


class LastBuilt(Value, frozen=True, kw_only=True):
    """The highest EVR already published, or being published, for a package and chroot; see `builder.runner.gate`.

    `inputs` is the digest of the commits and sources it was made from; `serial` counts its forced rebuilds;
    `everywhere` is true if it is there for every chroot that the order is for. `same` is a lower EVR that was made
    from the order's inputs, if this one was not; `taken`, in the order of a forced build, are the EVRs that there
    were.
    """

    evr: str
    inputs: Sha256
    serial: int = 0
    everywhere: bool = True
    same: str | None = None
    taken: Annotated[tuple[str, ...], msgspec.Meta(max_length=100)] = ()


class Work(Value, frozen=True, kw_only=True):
    """Work of any kind."""

    first_step: ClassVar[StepName]
    """The step with which the runner begins; the slave has fetched `files` before."""

    @property
    def files(self) -> tuple[Artifact, ...]:
        """Files of the master that have to be there before the runner begins."""
        return ()

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Secrets that the work needs to fetch with, which the slave keeps apart from the order."""
        return ()

    def without_secrets(self) -> Self:
        """Return the work as everybody may read it."""
        return self


class SourceWork(Work, frozen=True, kw_only=True, tag="source"):
    """The work of a source job: resolve the refs, gather the sources and make the SRPM.

    `build` goes into `%{_checkout}` of the style `ci`. `options` are those that hold in every chroot; `chosen` is a
    digest of the options in all of them, which are inputs like the sources, where there are any. `secrets` are those
    that the two places name; no other work has any.
    """

    first_step = StepName.FETCH

    project: Label
    package: Label
    style: Style
    packaging: Packaging
    upstream: GitSource | None = None
    build: int
    options: Options = Options()
    chosen: Sha256 | None = None
    secrets: Annotated[tuple[Secret, ...], msgspec.Meta(max_length=2)] = ()

    @override
    def without_secrets(self) -> Self:
        return msgspec.structs.replace(self, secrets=())


class ChrootWork(Work, frozen=True, kw_only=True, tag="chroot"):
    """The work of a chroot job: build an SRPM in a chroot.

    `repositories` are the project's own and its external ones, in addition to the chroot's base repositories. `force`
    passes the gate; then the release of a rebuild that would repeat an EVR gets the next serial. `options` are those
    that hold in this chroot. With `rpmlint`, rpmlint looks at the packages.
    """

    first_step = StepName.CHROOT

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

    @property
    @override
    def files(self) -> tuple[Artifact, ...]:
        return (self.srpm,)


W = TypeVar("W", bound=Work)


class WorkOrder(Value, frozen=True, kw_only=True):
    """The order to a slave for one attempt, which the slave ends when the time is over.

    Seconds: `timeout` for the whole of its runner's work, `timeouts` for its steps, and `silence` for the time in
    which nothing is written to the log.
    """

    attempt: AttemptId
    fence: Annotated[int, msgspec.Meta(ge=1)]
    build: Annotated[int, msgspec.Meta(ge=1)]
    job: Label
    kind: JobKind
    timeout: int
    timeouts: StepTimeouts = StepTimeouts()
    silence: int = SILENCE
    work: SourceWork | ChrootWork

    def work_of(self, wanted: type[W]) -> W:
        """Return the work, which is of the type `wanted` as that of the order's kind.

        Raises:
            InvalidError: The order was made wrong: kind and work do not belong together.
        """
        if not isinstance(self.work, wanted):
            raise InvalidError(f"the order of {self.build}/{self.job}, a job of kind {self.kind.value}, has other work")
        return self.work
