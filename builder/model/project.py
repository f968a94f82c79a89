"""A project: what belongs together, and how its packages are built, kept and published."""

import enum
from typing import Annotated, Final

import msgspec

from builder.model import Label, Text, Value
from builder.model.chroot import BaseRepository, ChrootName
from builder.model.options import ChrootConditions, ChrootMacros, Conditions, Macros, Options
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
"""Whole seconds; people write `90s`, `15m`, `2h`, `1d`."""

SpecPath = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(?:(?!\.{1,2}/)[A-Za-z0-9._][A-Za-z0-9._+~^-]*/)*[A-Za-z0-9][A-Za-z0-9._+~^-]*\Z",
        max_length=256,
        description="the path of a file in the repository, such as `hello.spec` or `rpm/hello.spec`",
    ),
]
"""It never leads out of the repository."""

TIMEOUT: Final = 2 * 3600
"""Seconds that an attempt may take, where the package says nothing else."""
SILENCE: Final = 3600
"""Seconds in which an attempt may write nothing; linking something large, and its tests, take their time."""


class Style(enum.Enum):
    """How a package's sources come together: from an upstream commit, or from released tarballs."""

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
    """The repository that holds the spec, and beside it what else of the SRPM is not fetched from elsewhere.

    `spec` is its path. Without it, it is the only one in the top folder or, where there is none, the only one at all.
    """

    spec: SpecPath | None = None


class ChrootChoice(Value, frozen=True, kw_only=True):
    """Which of the project's chroots a package is built for: those that are included, or all but those excluded.

    Names are exact, so that both together could say nothing that one of them does not: it is one or the other.
    """

    include: Annotated[tuple[ChrootName, ...], msgspec.Meta(max_length=50)] = ()
    exclude: Annotated[tuple[ChrootName, ...], msgspec.Meta(max_length=50)] = ()


class StepTimeouts(Value, frozen=True, kw_only=True):
    """How many seconds each step of a runner may take; one without a limit has what is left of the whole time.

    The fields are the steps' names. What the slave does beside its runner (a chroot job's fetch, the upload) depends on
    the connection, and has no limit here.
    """

    fetch: Duration | None = None
    srpm: Duration | None = None
    chroot: Duration | None = None
    gate: Duration | None = None
    build: Duration | None = None
    collect: Duration | None = None

    def of(self, step: StepName) -> int | None:
        """The limit of `step`, if it has one."""
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


class Retention(Value, frozen=True, kw_only=True):
    """How many versions of a package a repository keeps, at least, and for how many days it keeps any."""

    versions: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 2
    days: Annotated[int, msgspec.Meta(ge=0, le=36500)] = 0


class Project(Value, frozen=True, kw_only=True):
    """One document of the farm's definition."""

    project: Label
    chroots: Annotated[tuple[ChrootName, ...], msgspec.Meta(min_length=1, max_length=50)]
    stages: Annotated[tuple[Label, ...], msgspec.Meta(min_length=1, max_length=10)] = ("testing", "stable")
    network: bool = False
    rpmlint: bool = False
    retention: Retention = Retention()
    external: Annotated[tuple[BaseRepository, ...], msgspec.Meta(max_length=20)] = ()
    macros: Macros = msgspec.field(default_factory=dict)
    in_chroot: dict[ChrootName, ChrootMacros] = msgspec.field(name="in-chroot", default_factory=dict)
    packages: dict[Label, Package] = msgspec.field(default_factory=dict)

    @property
    def first_stage(self) -> str:
        """The stage to which builds are published."""
        return self.stages[0]

    def chroots_of(self, package: Package) -> tuple[str, ...]:
        """The names of the chroots that `package` is built for, in the project's order."""
        included = package.chroots.include or self.chroots
        return tuple(name for name in self.chroots if name in included and name not in package.chroots.exclude)

    def options(self, package: Package, chroot: str | None = None) -> Options:
        """What rpm is told of `package` in `chroot`; without one, what holds for the SRPM, which is for all of them."""
        common = Options(macros=self.macros, with_=package.with_, without=package.without)
        own = self.in_chroot.get(chroot or "", ChrootMacros())
        return common.and_then(own.macros, package.in_chroot.get(chroot or "", ChrootConditions()))
