"""The source job: the sources are gathered and the SRPM is made."""

import msgspec

from builder.model.artifact import ArtifactKind
from builder.model.attempt import AttemptState, Outcome
from builder.model.step import StepName
from builder.model.work import SourceWork, WorkOrder
from builder.runner.steps import dependencies, inputs
from builder.runner.steps.collect import collect
from builder.runner.steps.fetch import fetch
from builder.runner.steps.srpm import make_srpm
from builder.runner.workspace import Workspace


def carry_out(workspace: Workspace, order: WorkOrder) -> Outcome:
    """Make the SRPM, and return the outcome; the results are in the attempt's folder.

    Raises:
        EndedError: The attempt ended before the last step.
    """
    work = msgspec.structs.replace(order.work_of(SourceWork), secrets=workspace.attempt.take_secrets())
    with workspace.step(StepName.FETCH):
        gathered = fetch(workspace, work)
    with workspace.step(StepName.SRPM):
        srpm, facts, requires = make_srpm(workspace, gathered)
        found = dependencies.of_source(workspace, gathered, requires)
        given = inputs.of_source(workspace, work, gathered.commits, gathered.written, gathered.files)
        collect(workspace, order.attempt, [srpm], {given: ArtifactKind.INPUTS, found: ArtifactKind.DEPENDENCIES})
    return Outcome(state=AttemptState.SUCCEEDED, source=facts)
