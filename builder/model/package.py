"""A package: its sources and how it is built, and its line in a list."""

import enum
from typing import Annotated, Final

import msgspec

from builder.model import Label, Text, Value
from builder.model.build import BuildState
from builder.model.chroot import ChrootName
from builder.model.options import ChrootConditions, Conditions
from builder.model.step import StepName

Duration = Annotated[
    int,
    msgspec.Meta(
        ge=1,
        le=7 * 86400,
        description="a duration such as `90s`, `15m`, `2h` or `1d`, at most `7d`",
        extra={"duration": True},
    ),
]
"""A duration in whole seconds; people write `90s`, `15m`, `2h`, `1d`."""


SpecPath = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(?:(?!\.{1,2}/)[A-Za-z0-9._][A-Za-z0-9._+~^-]*/)*[A-Za-z0-9][A-Za-z0-9._+~^-]*\Z",
        max_length=256,
        description="the path of a file in the repository, such as `hello.spec` or `rpm/hello.spec`",
    ),
]
"""The path of a spec; it never leads out of the repository."""


TIMEOUT: Final = 2 * 3600
"""Seconds that an attempt may take, where the package says nothing else."""


SILENCE: Final = 3600
"""Seconds in which an attempt may write nothing; linking something large, and its tests, take their time."""


class Style(enum.Enum):
    """The way in which a package's sources come together: from an upstream commit, or from released tarballs."""

    CI = "ci"
    RELEASE = "release"


class GitSource(Value, frozen=True, kw_only=True):
    """A place in a git repository: its URL and a branch, tag or commit.

    `secret` names the secret of the project with which the repository is read, if it is private.
    """

    git: Text
    ref: Text = "HEAD"
    secret: Label | None = None


class Packaging(GitSource, frozen=True, kw_only=True):
    """The repository that holds the spec, and beside it all files of the SRPM that are not fetched from elsewhere.

    `spec` is the spec's path. Without it, the spec is the only one in the top folder or, where there is none, the
    only one at all.
    """

    spec: SpecPath | None = None


class ChrootChoice(Value, frozen=True, kw_only=True):
    """The chroots of the project that a package is built for: those that are included, or all but those excluded.

    Names are exact, so that both together could say nothing that one of them does not: it is one or the other.
    """

    include: Annotated[tuple[ChrootName, ...], msgspec.Meta(max_length=50)] = ()
    exclude: Annotated[tuple[ChrootName, ...], msgspec.Meta(max_length=50)] = ()


class StepTimeouts(Value, frozen=True, kw_only=True):
    """The seconds that each step of a runner may take; a step without a limit has what is left of the whole time.

    The fields are the steps' names. The slave's own work beside its runner (a chroot job's fetch, the upload) depends
    on the connection, and has no limit here.
    """

    fetch: Duration | None = None
    srpm: Duration | None = None
    chroot: Duration | None = None
    gate: Duration | None = None
    build: Duration | None = None
    collect: Duration | None = None

    def of(self, step: StepName) -> int | None:
        """Return the limit of `step`, None if it has none."""
        limit: int | None = getattr(self, step.value, None)
        return limit


class Package(Value, frozen=True, kw_only=True):
    """A package of a project as its definition describes it; `upstream` is given for, and only for, the style `ci`.

    Each attempt at a job ends after `timeout` seconds, after those of `timeouts` in one step, and after `silence`
    seconds in which nothing is written to its log.
    """

    style: Style
    packaging: Packaging
    upstream: GitSource | None = None
    chroots: ChrootChoice = ChrootChoice()
    channel: Label = "package"
    timeout: Duration = TIMEOUT
    timeouts: StepTimeouts = StepTimeouts()
    silence: Duration = SILENCE
    with_: Conditions = msgspec.field(name="with", default=())
    without: Conditions = ()
    in_chroot: dict[ChrootName, ChrootConditions] = msgspec.field(name="in-chroot", default_factory=dict)


class PackageSummary(Value, frozen=True, kw_only=True):
    """The line of a package: `chroots` are those it is built for, `newest` and `state` those of its newest build."""

    project: str
    package: str
    style: Style
    channel: str
    chroots: tuple[str, ...]
    newest: int | None = None
    state: BuildState | None = None
