"""Attempts begin and end, and what follows from it for their jobs: each function is one transaction's work.

Only one attempt of a job has not ended at any time, and as long as it is `running` it is the job's current one:
whatever moves the job on (a cancel, a lost slave) ends it, or marks it as `cancelling`, in the same transaction.
"""

from collections.abc import Iterable

import msgspec
from sqlalchemy import Connection

from builder import nevra
from builder.errors import InvalidError
from builder.lifecycle import ATTEMPT_ENDS
from builder.master import sequence
from builder.master.decisions import plan, retry
from builder.master.decisions.assignment import Assignment
from builder.master.store import artifacts, attempts, builds, dependencies, jobs, operations, projects
from builder.master.store.attempts import KnownAttempt
from builder.model.artifact import Artifact, ArtifactKind, Listing
from builder.model.attempt import AttemptState, FailureKind, Outcome, SourceFacts
from builder.model.dependencies import Dependencies
from builder.model.job import SOURCE, JobState
from builder.model.operation import Publish


def broken(reason: str) -> Outcome:
    """The end of an attempt that the farm has broken."""
    return Outcome(state=AttemptState.BROKEN, reason=reason, kind=FailureKind.INFRASTRUCTURE)


def claim(connection: Connection, assignment: Assignment, attempt: str) -> bool:
    """Begin an attempt at a queued job, if that is as it was when the assignment was made."""
    if not jobs.claim(connection, assignment.job, assignment.fence, assignment.slave):
        return False
    attempts.insert(connection, attempt, assignment.job, assignment.fence + 1, assignment.slave)
    return True


def put_back(connection: Connection, attempt: str, end: AttemptState, reason: str) -> tuple[KnownAttempt, ...]:
    """End an attempt that never began on its slave; the job is queued again, and it counts for nothing.

    Returns the attempts that this is about, as they were, like the functions below.
    """
    known = attempts.one(connection, attempt)
    if attempts.end(connection, attempt, end, reason) and known.state is AttemptState.RUNNING:
        jobs.change(connection, known.job_id, JobState.QUEUED, reason=reason)
    return (known,)


def give_up(connection: Connection, ids: Iterable[str], outcome: Outcome, tries: int) -> tuple[KnownAttempt, ...]:
    """End attempts whatever their slave says, and move their jobs on; cancelled ones end as such."""
    given_up = tuple(attempts.some(connection, tuple(ids)).values())
    for known in given_up:
        if known.state is AttemptState.RUNNING:
            _settle(connection, known, outcome, tries)
        else:
            attempts.end(connection, known.attempt, AttemptState.CANCELLED, outcome.reason)
    return given_up


def give_up_slave(connection: Connection, slave: str, reason: str, tries: int) -> tuple[KnownAttempt, ...]:
    """Give up all attempts on a slave that is lost."""
    return give_up(connection, attempts.live_on(connection, slave), broken(reason), tries)


def give_up_forgotten(connection: Connection, slave: str, ids: Iterable[str], tries: int) -> tuple[KnownAttempt, ...]:
    """Give up attempts that their slave should have, and has not by its own word.

    One of which nothing was heard was most likely never ordered, or the order was lost: that is nobody's fault.
    """
    forgotten = tuple(attempts.some(connection, tuple(ids)).values())
    for known in forgotten:
        if known.state is AttemptState.RUNNING and not known.records:
            put_back(connection, known.attempt, AttemptState.SUPERSEDED, f"the order did not reach slave {slave}")
        else:
            outcome = broken(f"slave {slave} does not know of the attempt any more")
            give_up(connection, [known.attempt], outcome, tries)
    return forgotten


def finish(
    connection: Connection,
    attempt: str,
    outcome: Outcome,
    delivered: Listing | None,
    tries: int,
    found: Dependencies | None = None,
) -> AttemptState:
    """End an attempt as its slave reports, and do all that follows; nothing where it has ended before.

    Returns the end that the attempt has.

    Args:
        connection: The transaction.
        attempt: Which one.
        outcome: What the slave says.
        delivered: What is there of the attempt, after a success.
        tries: After how many broken attempts a job is given up.
        found: What the package requires and provides, as far as the job says.

    Raises:
        NotFoundError: There is no such attempt.
    """
    known = attempts.one(connection, attempt)
    if known.state in ATTEMPT_ENDS:
        end = known.state
    elif known.state is AttemptState.CANCELLING:
        end = AttemptState.CANCELLED
        attempts.end(connection, attempt, end, outcome.reason if outcome.state is end else "cancelled")
    else:
        examined = _examined(known, outcome, delivered)
        end = examined.state
        if end is AttemptState.SUCCEEDED and known.job == SOURCE and delivered is not None:
            for srpm in _srpms(delivered):
                artifacts.insert(connection, attempt, srpm)
        if end is AttemptState.SUCCEEDED and found is not None:
            dependencies.save(connection, known.package_id, known.job, found)
        _settle(connection, known, examined, tries)
    return end


def _examined(known: KnownAttempt, outcome: Outcome, delivered: Listing | None) -> Outcome:
    """The outcome, or that the attempt is broken where a success lacks what has to come with it."""
    if outcome.state is not AttemptState.SUCCEEDED:
        return outcome
    if known.job == SOURCE and outcome.source is None:
        lacking = "what it found out about the sources"
    elif known.job == SOURCE and (delivered is None or len(_srpms(delivered)) != 1):
        lacking = "an SRPM"
    elif known.job != SOURCE and not _is_evr(outcome.evr):
        lacking = "the EVR of what it built"
    else:
        return outcome
    return broken(f"slave {known.slave} reported a success without {lacking}")


def _srpms(delivered: Listing) -> list[Artifact]:
    return [artifact for artifact in delivered.artifacts if artifact.kind is ArtifactKind.SRPM]


def _is_evr(text: str | None) -> bool:
    try:
        nevra.parse_evr(text or "")
    except InvalidError:
        return False
    return True


def _settle(connection: Connection, known: KnownAttempt, outcome: Outcome, tries: int) -> None:
    """End a running attempt and move its job on."""
    attempts.end(connection, known.attempt, outcome.state, outcome.reason, outcome.kind, outcome.lint)
    times = known.broken + (outcome.state is AttemptState.BROKEN)
    then = retry.next_state(outcome.state, outcome.reason, broken=times, tries=tries, publishes=known.job != SOURCE)
    found = {"evr": outcome.evr, "serial": outcome.serial} if _is_evr(outcome.evr) else {}
    jobs.change(connection, known.job_id, then.state, reason=then.reason, broken=times, **found)
    if then.state is JobState.PUBLISHING:
        _publish(connection, known, outcome.evr)
    elif known.job == SOURCE and then.state is not JobState.QUEUED:
        _plan(connection, known, then.state, outcome.source)
        if known.batch is not None:
            sequence.settle(connection, known.batch)


def _publish(connection: Connection, known: KnownAttempt, evr: str | None) -> None:
    """Order the repository builder to take what the attempt has delivered, if it is what was ordered."""
    project = projects.one_bare(connection, known.project)
    srpm = artifacts.srpm_of(connection, known.build)
    source = builds.source(connection, known.build)
    publish = Publish(
        project=known.project,
        stage=project.first_stage,
        package=known.package,
        build=known.build,
        job=known.job,
        fence=known.fence,
        chroots=known.targets,
        retention=project.retention,
        srpm="" if srpm is None else srpm.artifact.name,
        inputs=None if source is None else source.inputs,
        evr=evr,
    )
    operations.insert(connection, publish, known.job_id)


def _plan(connection: Connection, known: KnownAttempt, end: JobState, source: SourceFacts | None) -> None:
    """Move the chroot jobs of a build on after its source job; those of a batch wait on for each other."""
    waiting = jobs.waiting(connection, known.build)
    if end is not JobState.SUCCEEDED or source is None:
        then = plan.without_source(end)
        for job_id in waiting.values():
            jobs.change(connection, job_id, then.state, reason=then.reason)
        return
    builds.found(connection, known.build, source)
    package = builds.definition(connection, known.build).packages[known.package]
    every = projects.one_bare(connection, known.project).chroots_of(package)
    dependencies.keep_only(connection, known.package_id, every)
    others = tuple(chroot for chroot in every if chroot not in waiting)
    for planned in plan.planned(source, tuple(waiting), others):
        targets = msgspec.json.encode(planned.targets).decode()
        if known.batch is not None and planned.state is JobState.QUEUED:
            jobs.hold(connection, waiting[planned.chroot], reason=sequence.WAITS_FOR_SOURCES, targets=targets)
        else:
            jobs.change(connection, waiting[planned.chroot], planned.state, reason=planned.reason, targets=targets)
