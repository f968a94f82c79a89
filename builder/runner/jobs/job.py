"""A job as its runner carries it out: by the module of its kind."""

from typing import Protocol

from builder.attempt.endings import broken
from builder.model.attempt import Outcome
from builder.model.job import JobKind
from builder.model.work import WorkOrder
from builder.runner.jobs import chroot, source
from builder.runner.workspace import Workspace


class Job(Protocol):
    """A kind of job: its steps, one after the other."""

    def __call__(self, workspace: Workspace, order: WorkOrder) -> Outcome:
        """Carry out the order, and return the outcome; the results are in the attempt's folder.

        Raises:
            EndedError: The attempt ended before the last step.
            InvalidError: The order's work is of another kind.
        """


def job_of(kind: JobKind) -> Job:
    """Return the job of this kind.

    Raises:
        EndedError: This version of Builder has none.
    """
    match kind:
        case JobKind.SOURCE:
            return source.carry_out
        case JobKind.CHROOT:
            return chroot.carry_out
        case JobKind.IMAGE | JobKind.BOOT_TEST | JobKind.RUN:
            raise broken(f"this version of Builder carries out no jobs of kind {kind.value}; update the slave")


def carry_out(workspace: Workspace, order: WorkOrder) -> Outcome:
    """Carry out an order by the job of its kind; raises as that does."""
    return job_of(order.kind)(workspace, order)
