"""SQL for jobs: every change of state is one guarded statement.

The end of a job is the beginning, or the end, of those in its batch that need it: in the same transaction, so that a
restart never finds a job that waits for nothing.
"""

from typing import Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection, Row

from builder.lifecycle import JOB_ENDS, sources_of
from builder.master.store import events, needs
from builder.master.store.schema import attempts, builds, jobs
from builder.master.store.stamp import now
from builder.model.attempt import AttemptState
from builder.model.event import EventKind, Subject
from builder.model.job import JobState

NOBODY: Final = "[]"
"""The targets of a job whose result no repository gets."""
_ENDS = [end.value for end in JOB_ENDS]
_CHANGE = (
    sa.update(jobs)
    .where(jobs.c.id == sa.bindparam("job_id"), jobs.c.state.in_(sa.bindparam("allowed", expanding=True)))
    .returning(jobs.c.build, jobs.c.name, jobs.c.batch)
)
_FINISH = sa.update(builds).where(
    builds.c.number == sa.bindparam("build"),
    builds.c.finished.is_(None),
    ~sa.exists().where(jobs.c.build == builds.c.number, jobs.c.state.not_in(_ENDS)),
)
_CLAIM = (
    sa.update(jobs)
    .where(jobs.c.id == sa.bindparam("job_id"), jobs.c.state == JobState.QUEUED.value)
    .where(jobs.c.fence == sa.bindparam("was"))
    .values(state=JobState.RUNNING.value, fence=jobs.c.fence + 1, reason="")
    .returning(jobs.c.build, jobs.c.name)
)
_WAITING = (
    sa.select(jobs.c.name, jobs.c.id)
    .where(jobs.c.build == sa.bindparam("build"), jobs.c.state == JobState.WAITING.value)
    .order_by(jobs.c.id)
)


class Facts(NamedTuple):
    """Facts about a job, for its columns of these names; None leaves a column as it is."""

    broken: int | None = None
    evr: str | None = None
    serial: int | None = None
    targets: tuple[str, ...] | None = None
    published: tuple[str, ...] | None = None

    def columns(self) -> dict[str, int | str]:
        """Return the values of the columns."""
        known = {name: value for name, value in self._asdict().items() if value is not None}
        return {name: text_of(value) if isinstance(value, tuple) else value for name, value in known.items()}


_NOTHING = Facts()


def change(connection: Connection, job_id: int, state: JobState, *, reason: str = "", facts: Facts = _NOTHING) -> bool:
    """Bring a job to `state`, if the table of transitions allows it from where the job is now.

    The change is told as the event `job_<state>`; when it was the build's last unfinished job, the build is finished,
    which is told as `build_finished`. When jobs of its batch wait for it, those begin, or never will.

    Returns:
        True if this call made the change; False leaves everything as it was.
    """
    row = _changed(connection, job_id, state, reason, facts)
    if row is not None and row.batch is not None and state in JOB_ENDS:
        _pass_on(connection, job_id, state)
    return row is not None


def _changed(connection: Connection, job_id: int, state: JobState, reason: str, facts: Facts) -> Row[Any] | None:
    guard = {"job_id": job_id, "allowed": [before.value for before in sources_of(state)]}
    row = connection.execute(_CHANGE, {"state": state.value, "reason": reason, **facts.columns()} | guard).one_or_none()
    if row is not None:
        events.record(connection, EventKind(f"job_{state.value}"), Subject(build=row.build, job=row.name), reason)
        if state in JOB_ENDS:
            finish_build(connection, row.build)
    return row


def _pass_on(connection: Connection, job_id: int, end: JobState) -> None:
    """Queue the jobs that waited for this job and for no other, or cancel all that need it, directly or not."""
    if end in {JobState.SUCCEEDED, JobState.SKIPPED}:
        for free in needs.freed_by(connection, job_id):
            _changed(connection, free, JobState.QUEUED, "", _NOTHING)
    elif users := needs.users_of(connection, job_id):
        reason = missed(needs.named(connection, job_id), end)
        for user in users:
            _changed(connection, user, JobState.CANCELLED, reason, _NOTHING)


def missed(what: str, end: JobState) -> str:
    """Return the reason why a job never begins that needs `what`, which has ended like this."""
    return f"{what} {'was cancelled' if end is JobState.CANCELLED else 'failed'}, which this needs"


def hold(connection: Connection, job_id: int, reason: str, targets: tuple[str, ...]) -> None:
    """Keep a job waiting for others of its batch, with the chroots that are now known to get what it makes."""
    own = sa.update(jobs).where(jobs.c.id == job_id, jobs.c.state == JobState.WAITING.value)
    connection.execute(own.values(reason=reason, targets=text_of(targets)))


def claim(connection: Connection, job_id: int, fence: int, slave: str) -> bool:
    """Bring a queued job to `running` under the next fence, if it is still the one with this `fence`.

    Returns:
        True if this call did so; False leaves everything as it was.
    """
    row = connection.execute(_CLAIM, {"job_id": job_id, "was": fence}).one_or_none()
    if row is not None:
        subject = Subject(build=row.build, job=row.name, slave=slave)
        events.record(connection, EventKind.JOB_RUNNING, subject, f"on {slave}")
    return row is not None


def targets(text: str) -> tuple[str, ...]:
    """Return the chroots whose repositories get what a job makes, from its column."""
    return msgspec.json.decode(text, type=tuple[str, ...])


def text_of(names: tuple[str, ...]) -> str:
    """Return these chroots, or NEVRAs, as their column has them."""
    return msgspec.json.encode(names).decode()


def waiting(connection: Connection, build: int) -> dict[str, int]:
    """Return the rows of the jobs of a build that wait, by their names, in the project's order."""
    return {row.name: row.id for row in connection.execute(_WAITING, {"build": build})}


def cancel(connection: Connection, build: int, name: str, reason: str) -> bool:
    """Cancel a job and mark its running attempt as `cancelling`, for the dispatcher to tell the slave.

    Returns:
        True if this call did so; False leaves everything as it was.
    """
    job_id = connection.execute(sa.select(jobs.c.id).where(jobs.c.build == build, jobs.c.name == name)).scalar_one()
    if not change(connection, job_id, JobState.CANCELLED, reason=reason):
        return False
    running = (attempts.c.job_id == job_id, attempts.c.state == AttemptState.RUNNING.value)
    connection.execute(sa.update(attempts).where(*running).values(state=AttemptState.CANCELLING.value))
    return True


def finish_build(connection: Connection, build: int) -> None:
    """Mark a build as finished when none of its jobs can move any more."""
    if connection.execute(_FINISH, {"build": build, "finished": now(connection)}).rowcount:
        events.record(connection, EventKind.BUILD_FINISHED, Subject(build=build))


def unfinished(connection: Connection) -> dict[JobState, int]:
    """Return the number of jobs in each state that is no end."""
    moving = [state for state in JobState if state not in JOB_ENDS]
    query = sa.select(jobs.c.state, sa.func.count()).where(jobs.c.state.in_([state.value for state in moving]))
    found = {row[0]: row[1] for row in connection.execute(query.group_by(jobs.c.state))}
    return {state: found.get(state.value, 0) for state in moving}
