"""A project: packages and repositories that belong together, and how they are built, kept and published."""

from typing import Annotated

import msgspec

from builder.model import Label, Value
from builder.model.chroot import BaseRepository, ChrootName
from builder.model.options import ChrootConditions, ChrootMacros, Macros, Options
from builder.model.package import Package


class Retention(Value, frozen=True, kw_only=True):
    """The retention: how many versions of a package a repository keeps, at least, and for how many days any."""

    versions: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 2
    days: Annotated[int, msgspec.Meta(ge=0, le=36500)] = 0


class Project(Value, frozen=True, kw_only=True):
    """A project as a document of the farm's definition describes it."""

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
        """Return the names of the chroots that `package` is built for, in the project's order."""
        included = package.chroots.include or self.chroots
        return tuple(name for name in self.chroots if name in included and name not in package.chroots.exclude)

    def options(self, package: Package, chroot: str | None = None) -> Options:
        """Return the options of `package` in `chroot`.

        Without a chroot, they are those of the SRPM, which is for all chroots.
        """
        common = Options(macros=self.macros, with_=package.with_, without=package.without)
        own = self.in_chroot.get(chroot or "", ChrootMacros())
        return common.and_then(own.macros, package.in_chroot.get(chroot or "", ChrootConditions()))
