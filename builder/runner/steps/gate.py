"""Step gate: decide if the SRPM is built here; the decision itself is `builder.runner.gate`."""

import functools

from builder.attempt.endings import EndedError, skipped
from builder.model.attempt import AttemptState, Outcome
from builder.model.work import ChrootWork
from builder.runner import gate
from builder.runner.executors.executor import BuildRoot
from builder.runner.workspace import Workspace


def pass_gate(workspace: Workspace, work: ChrootWork, root: BuildRoot) -> gate.Build:
    """Return the decision to build.

    Raises:
        EndedError: There is nothing to build, or it cannot be built as asked.
    """
    evr = functools.cache(lambda serial: root.evr(dist(work, serial)))
    match gate.decide(work.style, evr, work.inputs, work.last_built, force=work.force):
        case gate.Build() as build:
            workspace.say(f"building {build.evr}")
            return build
        case gate.Skip() as skip:
            workspace.say(f"skipped: {skip.reason}")
            raise skipped(skip.evr, skip.reason)
        case gate.Refuse() as refusal:
            raise EndedError(Outcome(state=AttemptState.FAILED, reason=refusal.reason))


def dist(work: ChrootWork, serial: int) -> str:
    """Return the value of `%dist`, with a serial behind it unless that is 0."""
    return f"{work.chroot.dist}.{serial}" if serial else work.chroot.dist
