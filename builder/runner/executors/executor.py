"""What every way to build in a clean root offers: `tests/contract/test_executor.py` says it by example."""

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
        """What the spec's EVR is in this root, with this value of `%dist`.

        Raises:
            EndedError: The spec does not parse there.
        """
        ...

    def build(self, dist: str, *, network: bool) -> Sequence[Path]:
        """Build, with everything into the log; return the SRPM and the RPMs, which may be whatever the build made.

        Raises:
            EndedError: It failed; the reason is the line that shows why.
        """
        ...

    def packages(self) -> Sequence[RootPackage]:
        """Every package in the root, sorted; the repositories are known where its package manager has noted them."""
        ...

    def programs(self) -> Sequence[Program]:
        """The programs of the host that have filled the root or built in it, by their own word."""
        ...


class Executor(Protocol):
    """A way to make build roots on this host."""

    name: str

    def missing(self, interrupts: Interrupts) -> str | None:
        """One sentence on what this host lacks, or None if builds can be made.

        It may run programs to find out, until it is interrupted.
        """
        ...

    def fill(self, workspace: Workspace, work: ChrootWork, srpm: Path) -> BuildRoot:
        """Make a root with the packages of the chroot's definition and the BuildRequires of `srpm`.

        Raises:
            EndedError: A package is not to be had (the package's fault), or a repository is not (the farm's).
        """
        ...
