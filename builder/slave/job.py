"""The two kinds of jobs, as sequences of steps over a workspace."""

import msgspec

from builder.model.artifact import ArtifactKind
from builder.model.attempt import AttemptState, ChrootWork, Order, Outcome, SourceWork
from builder.model.step import StepName
from builder.slave.steps import dependencies, inputs
from builder.slave.steps.chroot import make_root
from builder.slave.steps.collect import collect
from builder.slave.steps.fetch import fetch
from builder.slave.steps.gate import dist, pass_gate
from builder.slave.steps.lint import lint
from builder.slave.steps.srpm import make_srpm
from builder.slave.workspace import Workspace


def carry_out(workspace: Workspace, order: Order) -> Outcome:
    """Do what the order says, and return how it ended; the results are in the attempt's folder.

    Raises:
        EndedError: It ended before the last step.
    """
    match order.work:
        case SourceWork() as work:
            secrets = workspace.attempt.take_secrets()
            return _source(workspace, order.attempt, msgspec.structs.replace(work, secrets=secrets))
        case ChrootWork() as work:
            return _chroot(workspace, order.attempt, work)


def _source(workspace: Workspace, attempt: str, work: SourceWork) -> Outcome:
    with workspace.step(StepName.FETCH):
        gathered = fetch(workspace, work)
    with workspace.step(StepName.SRPM):
        srpm, facts, requires = make_srpm(workspace, gathered)
        found = dependencies.of_source(workspace, gathered, requires)
        given = inputs.of_source(workspace, work, gathered.commits, gathered.written, gathered.files)
        collect(workspace, attempt, [srpm], {given: ArtifactKind.INPUTS, found: ArtifactKind.DEPENDENCIES})
    return Outcome(state=AttemptState.SUCCEEDED, source=facts)


def _chroot(workspace: Workspace, attempt: str, work: ChrootWork) -> Outcome:
    with workspace.step(StepName.CHROOT):
        executor, root = make_root(workspace, work)
        filled = workspace.keep_step_log("root.log")
    with workspace.step(StepName.GATE):
        build = pass_gate(workspace, work, root)
    with workspace.step(StepName.BUILD):
        products = root.build(dist(work, build.serial), network=work.network)
        built = workspace.keep_step_log("build.log")
    with workspace.step(StepName.COLLECT):
        given = inputs.of_chroot(workspace, work, executor, root, dist(work, build.serial))
        others = {filled: ArtifactKind.LOG, built: ArtifactKind.LOG, given: ArtifactKind.INPUTS}
        collect(workspace, attempt, products, others)
        looked = lint(workspace, workspace.attempt.results, [path.name for path in products]) if work.rpmlint else None
    return Outcome(state=AttemptState.SUCCEEDED, evr=build.evr, serial=build.serial, lint=looked)
