"""The interface of executors, ways to build in a clean root: `tests/contract/test_executor.py` shows it by example."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from builder.model.inputs import Program, RootPackage
from builder.model.work import ChrootWork
from builder.process import Interrupts
from builder.runner.workspace import Workspace


class BuildRoot(Protocol):
    """A root that has everything the SRPM requires to be built."""

    def evr(self, dist: str) -> str:
        """Return the spec's EVR in this root, with this value of `%dist`.

        Raises:
            EndedError: The spec does not parse there.
        """
        ...

    def build(self, dist: str, *, network: bool) -> Sequence[Path]:
        """Build, with everything in the log; return the SRPM and the RPMs, which may be whatever the build made.

        Raises:
            EndedError: The build failed; the reason is the line that shows why.
        """
        ...

    def packages(self) -> Sequence[RootPackage]:
        """Return every package in the root, sorted, with its repository where the package manager has noted it."""
        ...

    def programs(self) -> Sequence[Program]:
        """Return the programs of the host that have filled the root or built in it, by their own word."""
        ...


class Executor(Protocol):
    """A way to make build roots on this host."""

    name: str

    def missing(self, interrupts: Interrupts) -> str | None:
        """Return a sentence on what this host lacks, or None if builds can be made.

        Programs may run for that, until they are interrupted.
        """
        ...

    def fill(self, workspace: Workspace, work: ChrootWork, srpm: Path) -> BuildRoot:
        """Make a root with the packages of the chroot's definition and the BuildRequires of `srpm`.

        Raises:
            EndedError: A package is not to be had (the package's fault), or a repository is not (the farm's).
        """
        ...
