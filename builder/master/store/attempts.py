"""SQL for attempts and their steps: every change is one guarded statement."""

from collections.abc import Collection
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection, Row

from builder.errors import NotFoundError
from builder.lifecycle import ATTEMPT_ENDS, ATTEMPT_TRANSITIONS
from builder.master.store import events
from builder.master.store import jobs as stored_jobs
from builder.master.store.schema import attempts, jobs, packages, steps
from builder.master.store.stamp import now
from builder.model.attempt import AttemptState, FailureKind
from builder.model.event import EventKind, Subject
from builder.model.job import JobKind
from builder.model.lint import Lint
from builder.wire import JobStarted, StepFinished, StepStarted

ReportedRecord = JobStarted | StepStarted | StepFinished

_LIVE = [state.value for state in AttemptState if state not in ATTEMPT_ENDS]
_SOURCES = {
    state: [before for before, after in ATTEMPT_TRANSITIONS.items() if state in after] for state in AttemptState
}
_QUERY = (
    sa.select(
        attempts,
        jobs.c.build,
        jobs.c.name.label("job"),
        jobs.c.kind.label("of_kind"),
        jobs.c.broken,
        jobs.c.targets,
        jobs.c.batch,
    )
    .add_columns(packages.c.project, packages.c.name.label("package"), jobs.c.package_id)
    .join(jobs, jobs.c.id == attempts.c.job_id)
    .join(packages, packages.c.id == jobs.c.package_id)
)
_ONE = _QUERY.where(attempts.c.id == sa.bindparam("attempt"))
_ALL_LIVE = sa.select(attempts.c.id, attempts.c.slave, attempts.c.state).where(attempts.c.state.in_(_LIVE))
_INSERT = sa.insert(attempts)
_COUNT = sa.update(attempts).where(attempts.c.id == sa.bindparam("attempt"))
_END = _COUNT.where(attempts.c.state.in_(sa.bindparam("allowed", expanding=True)))
_INSERT_STEP = sa.insert(steps)
_CLOSE_STEPS = sa.update(steps).where(steps.c.attempt == sa.bindparam("of"), steps.c.finished.is_(None))
_END_STEP = _CLOSE_STEPS.where(steps.c.name == sa.bindparam("step"))


class KnownAttempt(NamedTuple):
    """An attempt with its job.

    Attributes:
        records: The number of records of its stream that are taken.
        broken: The number of attempts at the job that the farm has broken.
        targets: The chroots whose repositories get what the job makes; none for a source job.
        package_id: The row of the package.
        batch: The batch that its build is part of, if it is of one.
    """

    attempt: str
    slave: str
    state: AttemptState
    records: int
    fence: int
    job_id: int
    build: int
    job: str
    kind: JobKind
    project: str
    package: str
    broken: int
    targets: tuple[str, ...]
    package_id: int
    batch: int | None


class Live(NamedTuple):
    """An attempt that has not ended: it holds one place of its slave."""

    attempt: str
    slave: str
    state: AttemptState


def insert(connection: Connection, attempt: str, job_id: int, fence: int, slave: str) -> None:
    """Begin an attempt, in the transaction that claims its job."""
    row = {
        "id": attempt,
        "job_id": job_id,
        "fence": fence,
        "slave": slave,
        "state": AttemptState.RUNNING.value,
        "started": now(connection),
    }
    connection.execute(_INSERT, row)


def one(connection: Connection, attempt: str) -> KnownAttempt:
    """Return the attempt with this id.

    Raises:
        NotFoundError: There is none.
    """
    row = connection.execute(_ONE, {"attempt": attempt}).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no attempt {attempt}")
    return _known(row)


def some(connection: Connection, ids: Collection[str]) -> dict[str, KnownAttempt]:
    """Return those of these attempts that there are, by id."""
    return {row.id: _known(row) for row in connection.execute(_QUERY.where(attempts.c.id.in_(ids)))}


def live(connection: Connection) -> tuple[Live, ...]:
    """Return all attempts that have not ended."""
    return tuple(Live(row.id, row.slave, AttemptState(row.state)) for row in connection.execute(_ALL_LIVE))


def live_on(connection: Connection, slave: str) -> tuple[str, ...]:
    """Return the attempts on a slave that have not ended, in the order in which they began."""
    query = sa.select(attempts.c.id).where(attempts.c.slave == slave, attempts.c.state.in_(_LIVE))
    return tuple(connection.execute(query.order_by(attempts.c.started, attempts.c.id)).scalars())


def end(
    connection: Connection,
    attempt: str,
    state: AttemptState,
    reason: str,
    kind: FailureKind | None = None,
    lint: Lint | None = None,
) -> bool:
    """Bring an attempt to one of its ends, if it has not ended, and close the step that was open.

    Returns:
        True if this call did so; False leaves everything as it was.
    """
    guard = {"attempt": attempt, "allowed": [before.value for before in _SOURCES[state]]}
    values = {"state": state.value, "reason": reason, "kind": kind and kind.value, "finished": now(connection)}
    values["lint"] = None if lint is None else msgspec.json.encode(lint).decode()
    if not connection.execute(_END, values | guard).rowcount:
        return False
    closed = {"of": attempt, "finished": now(connection), "ok": state is AttemptState.SUCCEEDED}
    connection.execute(_CLOSE_STEPS, closed)
    return True


def take(connection: Connection, record: ReportedRecord) -> KnownAttempt:
    """Take a step record, if it is the next one of an attempt that has not ended.

    Returns:
        The attempt as it is afterwards.

    Raises:
        NotFoundError: There is no such attempt.
    """
    known = one(connection, record.attempt)
    if known.state in ATTEMPT_ENDS or known.records != record.number:
        return known
    number = record.number + 1
    connection.execute(_COUNT, {"attempt": record.attempt, "records": number})
    subject = Subject(project=known.project, build=known.build, job=known.job, slave=known.slave)
    match record:
        case StepStarted(step=step):
            _begin_step(connection, record)
            events.record(connection, EventKind.STEP_STARTED, subject, step.value)
        case StepFinished(step=step, ok=ok):
            _end_step(connection, record)
            events.record(connection, EventKind.STEP_FINISHED, subject, step.value if ok else f"{step.value} failed")
        case JobStarted():
            pass
    return known._replace(records=number)


def _begin_step(connection: Connection, record: StepStarted) -> None:
    row = {
        "attempt": record.attempt,
        "number": record.number,
        "name": record.step.value,
        "log_offset": record.log_offset,
        "started": record.time,
    }
    connection.execute(_INSERT_STEP, row)


def _end_step(connection: Connection, record: StepFinished) -> None:
    own = {"of": record.attempt, "step": record.step.value, "finished": record.time, "ok": record.ok}
    connection.execute(_END_STEP, own)


def _known(row: Row[Any]) -> KnownAttempt:
    return KnownAttempt(
        attempt=row.id,
        slave=row.slave,
        state=AttemptState(row.state),
        records=row.records,
        fence=row.fence,
        job_id=row.job_id,
        build=row.build,
        job=row.job,
        kind=JobKind(row.of_kind),
        project=row.project,
        package=row.package,
        broken=row.broken,
        targets=stored_jobs.targets(row.targets),
        package_id=row.package_id,
        batch=row.batch,
    )
