"""The chroot job: an SRPM is built in a chroot."""

from builder.model.artifact import ArtifactKind
from builder.model.attempt import AttemptState, Outcome
from builder.model.step import StepName
from builder.model.work import ChrootWork, WorkOrder
from builder.runner.steps import inputs
from builder.runner.steps.chroot import make_root
from builder.runner.steps.collect import collect
from builder.runner.steps.gate import dist, pass_gate
from builder.runner.steps.lint import lint
from builder.runner.workspace import Workspace


def carry_out(workspace: Workspace, order: WorkOrder) -> Outcome:
    """Build the SRPM, and return the outcome; the results are in the attempt's folder.

    Raises:
        EndedError: The attempt ended before the last step.
    """
    work = order.work_of(ChrootWork)
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
        collect(workspace, order.attempt, products, others)
        looked = lint(workspace, workspace.attempt.results, [path.name for path in products]) if work.rpmlint else None
    return Outcome(state=AttemptState.SUCCEEDED, evr=build.evr, serial=build.serial, lint=looked)
