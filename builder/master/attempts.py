"""The begins and ends of attempts, and what follows for their jobs: each function is one transaction's work.

Only one attempt of a job has not ended at any time, and as long as it is `running` it is the job's current one: an
act that moves the job on (a cancel, a lost slave) ends it, or marks it as `cancelling`, in the same transaction.
"""

from collections.abc import Iterable

from sqlalchemy import Connection

from builder.lifecycle import ATTEMPT_ENDS
from builder.master.decisions.assignment import Assignment
from builder.master.decisions.retry import Retry
from builder.master.kinds import kind
from builder.master.store import attempts, dependencies, jobs, slaves
from builder.master.store.attempts import KnownAttempt
from builder.master.store.jobs import Facts
from builder.model.artifact import Listing
from builder.model.attempt import AttemptState, FailureKind, Outcome
from builder.model.dependencies import Dependencies
from builder.model.job import JobState
from builder.nevra import is_evr


def broken(reason: str) -> Outcome:
    """Return the outcome of an attempt that the farm has broken."""
    return Outcome(state=AttemptState.BROKEN, reason=reason, kind=FailureKind.INFRASTRUCTURE)


def claim(connection: Connection, assignment: Assignment, attempt: str) -> bool:
    """Begin an attempt at a queued job; return False if the job is not as it was when the assignment was made."""
    if not jobs.claim(connection, assignment.job, assignment.fence, assignment.slave):
        return False
    attempts.insert(connection, attempt, assignment.job, assignment.fence + 1, assignment.slave)
    return True


def put_back(connection: Connection, attempt: str, end: AttemptState, reason: str) -> tuple[KnownAttempt, ...]:
    """End an attempt that never began on its slave; the job is queued again, and the attempt counts for nothing.

    Like the functions below, it returns the attempts concerned, as they were.
    """
    known = attempts.one(connection, attempt)
    if attempts.end(connection, attempt, end, reason) and known.state is AttemptState.RUNNING:
        jobs.change(connection, known.job_id, JobState.QUEUED, reason=reason)
    return (known,)


def give_up(connection: Connection, ids: Iterable[str], outcome: Outcome, retry: Retry) -> tuple[KnownAttempt, ...]:
    """End attempts whatever their slave says, and move their jobs on; cancelled ones end as such."""
    given_up = tuple(attempts.some(connection, tuple(ids)).values())
    for known in given_up:
        if known.state is AttemptState.RUNNING:
            _settle(connection, known, outcome, retry)
        else:
            attempts.end(connection, known.attempt, AttemptState.CANCELLED, outcome.reason)
    return given_up


def give_up_slave(connection: Connection, slave: str, reason: str, retry: Retry) -> tuple[KnownAttempt, ...]:
    """Give up all attempts on a slave, which is lost."""
    slaves.lose(connection, slave, reason)
    return give_up(connection, attempts.live_on(connection, slave), broken(reason), retry)


def give_up_forgotten(connection: Connection, slave: str, ids: Iterable[str], retry: Retry) -> tuple[KnownAttempt, ...]:
    """Give up attempts that their slave should have, and has not by its own word.

    An attempt of which nothing was heard was most likely never ordered, or the order was lost: that is nobody's
    fault.
    """
    forgotten = tuple(attempts.some(connection, tuple(ids)).values())
    for known in forgotten:
        if known.state is AttemptState.RUNNING and not known.records:
            put_back(connection, known.attempt, AttemptState.SUPERSEDED, f"the order did not reach slave {slave}")
        else:
            outcome = broken(f"slave {slave} does not know of the attempt any more")
            give_up(connection, [known.attempt], outcome, retry)
    return forgotten


def finish(
    connection: Connection,
    attempt: str,
    outcome: Outcome,
    delivered: Listing | None,
    retry: Retry,
    found: Dependencies | None = None,
) -> AttemptState:
    """End an attempt as its slave reports, and do all that follows; nothing where it has ended before.

    Returns the end that the attempt has.

    Args:
        connection: The transaction.
        attempt: The attempt's id.
        outcome: The outcome by the slave's word.
        delivered: The artifacts of the attempt, after a success.
        retry: The rule for what the farm has broken.
        found: The dependencies of the package, as far as the job says.

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
        if end is AttemptState.SUCCEEDED and found is not None:
            dependencies.save(connection, known.package_id, known.job, known.kind, found)
        _settle(connection, known, examined, retry, delivered if end is AttemptState.SUCCEEDED else None)
    return end


def _examined(known: KnownAttempt, outcome: Outcome, delivered: Listing | None) -> Outcome:
    """Return the outcome, or that the attempt is broken where a success lacks what has to come with it."""
    if outcome.state is not AttemptState.SUCCEEDED:
        return outcome
    lacking = kind.kind_of(known.kind).lacking(outcome, delivered)
    return broken(f"slave {known.slave} reported a success without {lacking}") if lacking else outcome


def _settle(
    connection: Connection, known: KnownAttempt, outcome: Outcome, retry: Retry, delivered: Listing | None = None
) -> None:
    """End a running attempt, move its job on, and do what follows from that."""
    attempts.end(connection, known.attempt, outcome.state, outcome.reason, outcome.kind, outcome.lint)
    of_kind, times = kind.kind_of(known.kind), known.broken + (outcome.state is AttemptState.BROKEN)
    then = retry.after(outcome.state, outcome.reason, broken=times, publishes=of_kind.publishes)
    evr = outcome.evr if is_evr(outcome.evr or "") else None
    facts = Facts(broken=times, evr=evr, serial=None if evr is None else outcome.serial)
    jobs.change(connection, known.job_id, then.state, reason=then.reason, facts=facts)
    of_kind.ended(connection, known, then.state, outcome, delivered)
