"""Source jobs: their orders, their deliveries, and the chroot jobs that follow from them."""

import msgspec
from sqlalchemy import Connection

from builder.master import sequence
from builder.master.decisions import plan, secret_needs
from builder.master.decisions.order import Claimed, Supplies, source_work
from builder.master.store import artifacts, builds, dependencies, jobs, projects, secrets
from builder.master.store.attempts import KnownAttempt
from builder.master.store.jobs import Facts
from builder.model.artifact import Artifact, ArtifactKind, Listing
from builder.model.attempt import Outcome, SourceFacts
from builder.model.inputs import JobInputs, SourceInputs
from builder.model.job import JobState
from builder.model.work import SourceWork


class SourceKind:
    """A job that makes the SRPM of a build, from which its other jobs are planned."""

    publishes = False

    def gathered(self, connection: Connection, claimed: Claimed) -> Claimed:
        """Add the secrets that the sources are fetched with."""
        needed = secrets.sealed(connection, claimed.project.project, secret_needs.named(claimed.package))
        return msgspec.structs.replace(claimed, secrets=needed)

    def work(self, claimed: Claimed, supplies: Supplies) -> SourceWork:
        """Return the work; see `source_work`."""
        return source_work(claimed, supplies.opened)

    def lacking(self, outcome: Outcome, delivered: Listing | None) -> str:
        """Return the name of what a success has not told or delivered: facts about the sources, or the SRPM."""
        if outcome.source is None:
            return "what it found out about the sources"
        if delivered is None or len(_srpms(delivered)) != 1:
            return "an SRPM"
        return ""

    def ended(
        self, connection: Connection, known: KnownAttempt, end: JobState, outcome: Outcome, delivered: Listing | None
    ) -> None:
        """Store the facts of the sources, and move the build's other jobs on; those of a batch wait for each other."""
        for srpm in _srpms(delivered) if delivered else ():
            artifacts.insert(connection, known.attempt, srpm)
        if end is JobState.QUEUED:
            return
        if end is JobState.SUCCEEDED and outcome.source is not None:
            _plan(connection, known, outcome.source)
        else:
            then = plan.without_source(end)
            for job_id in jobs.waiting(connection, known.build).values():
                jobs.change(connection, job_id, then.state, reason=then.reason)
        if known.batch is not None:
            sequence.settle(connection, known.batch)

    def cancelled(self, connection: Connection, build: int) -> None:
        """Cancel the jobs that wait for it: without its sources a build can't go on."""
        for name in jobs.waiting(connection, build):
            jobs.cancel(connection, build, name, "the source job was cancelled")

    def inputs(self, text: bytes, job: str, fence: int) -> JobInputs:
        """Return the inputs of an SRPM from their text."""
        return JobInputs(job=job, fence=fence, source=msgspec.json.decode(text, type=SourceInputs))


def _srpms(delivered: Listing) -> list[Artifact]:
    return [artifact for artifact in delivered.artifacts if artifact.kind is ArtifactKind.SRPM]


def _plan(connection: Connection, known: KnownAttempt, source: SourceFacts) -> None:
    """Queue or skip the jobs that wait for these sources."""
    waiting = jobs.waiting(connection, known.build)
    builds.found(connection, known.build, source)
    package = builds.definition(connection, known.build).packages[known.package]
    every = projects.one_bare(connection, known.project).chroots_of(package)
    dependencies.keep_only(connection, known.package_id, every)
    others = tuple(chroot for chroot in every if chroot not in waiting)
    for planned in plan.planned(source, tuple(waiting), others):
        job_id, targets = waiting[planned.chroot], planned.targets or (planned.chroot,)
        if known.batch is not None and planned.state is JobState.QUEUED:
            jobs.hold(connection, job_id, sequence.WAITS_FOR_SOURCES, targets)
        else:
            jobs.change(connection, job_id, planned.state, reason=planned.reason, facts=Facts(targets=targets))
