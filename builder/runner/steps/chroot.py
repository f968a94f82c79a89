"""Step chroot: make the build root, by the first executor that this host has everything for."""

from builder.attempt.endings import broken
from builder.errors import UnavailableError
from builder.model.work import ChrootWork
from builder.runner.executors.auto import chosen
from builder.runner.executors.executor import BuildRoot
from builder.runner.workspace import Workspace


def make_root(workspace: Workspace, work: ChrootWork) -> tuple[str, BuildRoot]:
    """Make the root for the SRPM that was fetched; return the name of the executor and the root.

    Raises:
        EndedError: This host has no executor, a package is not to be had, or a repository is not.
    """
    try:
        executor = chosen(workspace.interrupts)
    except UnavailableError as error:
        raise broken(str(error)) from error
    return executor.name, executor.fill(workspace, work, workspace.attempt.order_files / work.srpm.name)
