"""The layout: the repositories that a chroot's packages go to, and the places inside them.

A project has, per stage and distribution version, one repository for each architecture, one for source packages and
one per architecture for what debuggers need:

    <project>/<stage>/<distribution>-<version>/<architecture>
    <project>/<stage>/<distribution>-<version>/source
    <project>/<stage>/<distribution>-<version>/debug/<architecture>
"""

import re

from builder.errors import InvalidError
from builder.model import LABEL_PATTERN, Value
from builder.nevra import Nevra

SOURCE = "source"
DEBUG = "debug"
_LABEL = re.compile(LABEL_PATTERN)
_RESERVED = frozenset({SOURCE, DEBUG, "src", "nosrc", "noarch"})
_DEBUG_SUFFIXES = ("-debuginfo", "-debugsource")
_FAMILIES = {
    "i386": frozenset({"i386", "i486", "i586", "i686"}),
    "armhfp": frozenset({"armv7hl", "armv7hnl"}),
}
"""The architectures of a chroot's packages, where they have other names than the chroot's."""


class Repository(Value, frozen=True, kw_only=True):
    """The name of one repository; `distribution` has its version, `tree` is the last part of the path."""

    project: str
    stage: str
    distribution: str
    tree: str

    @property
    def path(self) -> str:
        """The folder below `repos/`, which is also the repository's name for people."""
        return f"{self.project}/{self.stage}/{self.distribution}/{self.tree}"


def parse(name: str) -> Repository:
    """Return the repository with this name; `InvalidError` where it cannot be one."""
    parts = name.split("/")
    if all(_LABEL.fullmatch(part) for part in parts):
        match parts:
            case [project, stage, distribution, tree]:
                return Repository(project=project, stage=stage, distribution=distribution, tree=tree)
            case [project, stage, distribution, "debug", tree]:
                return Repository(project=project, stage=stage, distribution=distribution, tree=f"{DEBUG}/{tree}")
            case _:
                pass
    raise InvalidError(f"{name!r} is no repository: it is written PROJECT/STAGE/DISTRIBUTION-VERSION/TREE")


def project_of(name: str) -> str:
    """Return the project of the repository with this name."""
    return name.partition("/")[0]


def of_project(project: str, name: str) -> Repository:
    """Return the repository of a project with this name; `InvalidError` if it is none of this project."""
    repository = parse(name)
    if repository.project != project:
        raise InvalidError(f"{name} is no repository of the project {project}")
    return repository


def split(chroot: str) -> tuple[str, str]:
    """Return `("fedora-43", "x86_64")` for `fedora-43-x86_64`; `InvalidError` where a tree has that name already."""
    distribution, _, architecture = chroot.rpartition("-")
    if not distribution or architecture in _RESERVED:
        raise InvalidError(f"{chroot!r} names no repository: its last part must be a machine's architecture")
    return distribution, architecture


def repositories(project: str, stage: str, chroot: str) -> tuple[Repository, ...]:
    """Return all repositories that a chroot's packages may go to."""
    distribution, architecture = split(chroot)
    trees = (architecture, SOURCE, f"{DEBUG}/{architecture}")
    return tuple(Repository(project=project, stage=stage, distribution=distribution, tree=tree) for tree in trees)


def home(project: str, stage: str, chroot: str, package: Nevra) -> Repository:
    """Return the repository of a package built for `chroot`; `InvalidError` if it is of another architecture."""
    binary, source, debug = repositories(project, stage, chroot)
    if package.architecture == "src":
        return source
    architecture = binary.tree
    if package.architecture not in _FAMILIES.get(architecture, {architecture}) | {"noarch"}:
        raise InvalidError(f"{package.text} does not belong into {binary.path}: its architecture is another one")
    return debug if package.name.endswith(_DEBUG_SUFFIXES) else binary


def file_name(package: Nevra) -> str:
    """Return the name of an RPM's file: its NEVRA without the epoch."""
    return f"{package.name}-{package.evr.version}-{package.evr.release}.{package.architecture}.rpm"


def location(package: Nevra) -> str:
    """Return the place of a package in its repository: `Packages/h/hello-1.0-1.x86_64.rpm`; its name is a label."""
    return f"Packages/{package.name[0].lower()}/{file_name(package)}"


def signed_again(location: str, key: str) -> str:
    """Return the place of a package that was at `location` and is signed anew: `Packages/h-0123456789abcdef/hello…`."""
    folder, letter, name = location.split("/")
    return f"{folder}/{letter[0]}-{key[-16:].lower()}/{name}"
