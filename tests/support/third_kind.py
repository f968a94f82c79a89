"""A third kind of job, as one is added: what it means to the master, and what its runner does."""

import pytest
from sqlalchemy import Connection

from builder.master.decisions.order import Claimed, Supplies
from builder.master.kinds import kind
from builder.master.store import jobs
from builder.master.store.attempts import KnownAttempt
from builder.model.artifact import ArtifactKind, Listing
from builder.model.attempt import AttemptState, Outcome
from builder.model.inputs import JobInputs
from builder.model.job import JobKind, JobState
from builder.model.step import StepName
from builder.model.work import SourceWork, WorkOrder
from builder.runner.jobs import job
from builder.runner.steps.collect import collect
from builder.runner.workspace import Workspace
from tests.support.orders import source_work


class RunKind:
    """A job that tells the package's name; when it is told, nothing else of its build is needed."""

    publishes = False

    def gathered(self, _: Connection, claimed: Claimed) -> Claimed:
        return claimed

    def work(self, claimed: Claimed, _: Supplies) -> SourceWork:
        return source_work(build=claimed.build)

    def lacking(self, _: Outcome, delivered: Listing | None) -> str:
        return "" if delivered and delivered.artifacts else "what it was told"

    def ended(self, connection: Connection, known: KnownAttempt, end: JobState, *_: object) -> None:
        for waiting in jobs.waiting(connection, known.build).values() if end is JobState.SUCCEEDED else ():
            jobs.change(connection, waiting, JobState.CANCELLED, reason="the name is told")

    def cancelled(self, connection: Connection, build: int) -> None:
        pass

    def inputs(self, _: bytes, job: str, fence: int) -> JobInputs:
        return JobInputs(job=job, fence=fence)


def carry_out(workspace: Workspace, order: WorkOrder) -> Outcome:
    with workspace.step(StepName.FETCH):
        told = workspace.folder("told") / "told.log"
        told.write_text(order.work_of(SourceWork).package)
        collect(workspace, order.attempt, [], {told: ArtifactKind.LOG})
    return Outcome(state=AttemptState.SUCCEEDED)


def add(patch: pytest.MonkeyPatch) -> None:
    """Make the kind known for as long as the patch holds."""
    kinds, works = kind.kind_of, job.job_of
    patch.setattr(kind, "kind_of", lambda wanted: RunKind() if wanted is JobKind.RUN else kinds(wanted))
    patch.setattr(job, "job_of", lambda wanted: carry_out if wanted is JobKind.RUN else works(wanted))
