"""A project: what belongs together, and how its packages are built, kept and published."""

import enum
from typing import Annotated

import msgspec

from builder.model import Label, Text, Value
from builder.model.chroot import BaseRepository, ChrootName

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


class Style(enum.Enum):
    """How a package's sources come together: from an upstream commit, or from released tarballs."""

    CI = "ci"
    RELEASE = "release"


class GitSource(Value, frozen=True, kw_only=True):
    """A place in a git repository: its URL and a branch, tag or commit."""

    git: Text
    ref: Text = "HEAD"


class Packaging(GitSource, frozen=True, kw_only=True):
    """The repository that holds the spec; `spec` names the file when there are several."""

    spec: Label | None = None


class ChrootChoice(Value, frozen=True, kw_only=True):
    """Which of the project's chroots a package is not built for."""

    exclude: Annotated[tuple[ChrootName, ...], msgspec.Meta(max_length=50)] = ()


class Package(Value, frozen=True, kw_only=True):
    """A package of a project as its definition describes it; `upstream` is given for, and only for, the style `ci`."""

    style: Style
    packaging: Packaging
    upstream: GitSource | None = None
    chroots: ChrootChoice = ChrootChoice()
    channel: Label = "package"
    timeout: Duration = 2 * 3600


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
    retention: Retention = Retention()
    external: Annotated[tuple[BaseRepository, ...], msgspec.Meta(max_length=20)] = ()
    packages: dict[Label, Package] = msgspec.field(default_factory=dict)

    @property
    def first_stage(self) -> str:
        """The stage to which builds are published."""
        return self.stages[0]

    def chroots_of(self, package: Package) -> tuple[str, ...]:
        """The names of the chroots that `package` is built for, in the project's order."""
        return tuple(name for name in self.chroots if name not in package.chroots.exclude)
