"""A job as its runner carries it out: by the module of its kind."""

import msgspec

from builder.model.attempt import Outcome
from builder.model.work import ChrootWork, SourceWork, WorkOrder
from builder.runner.jobs import chroot, source
from builder.runner.workspace import Workspace


def carry_out(workspace: Workspace, order: WorkOrder) -> Outcome:
    """Do what the order says, and return how it ended; the results are in the attempt's folder.

    Raises:
        EndedError: It ended before the last step.
    """
    match order.work:
        case SourceWork() as work:
            secrets = workspace.attempt.take_secrets()
            return source.carry_out(workspace, order.attempt, msgspec.structs.replace(work, secrets=secrets))
        case ChrootWork() as work:
            return chroot.carry_out(workspace, order.attempt, work)
