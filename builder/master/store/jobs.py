"""SQL for jobs: every change of state is one guarded statement."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from builder.clock import wall_time
from builder.lifecycle import JOB_ENDS, sources_of
from builder.master.store import events
from builder.master.store.schema import attempts, builds, jobs
from builder.model.attempt import AttemptState
from builder.model.job import JobState


def change(connection: Connection, job_id: int, state: JobState, *, reason: str = "", **values: Any) -> bool:
    """Bring a job to `state`, if the table of transitions allows it from where the job is now.

    The change is told as the event `job_<state>`; when it was the build's last unfinished job, the build is finished,
    which is told as `build_finished`.

    Returns:
        Whether this call made the change; False leaves everything as it was.
    """
    allowed = [before.value for before in sources_of(state)]
    statement = (
        sa.update(jobs)
        .where(jobs.c.id == job_id, jobs.c.state.in_(allowed))
        .values(state=state.value, reason=reason, **values)
        .returning(jobs.c.build, jobs.c.name)
    )
    row = connection.execute(statement).one_or_none()
    if row is None:
        return False
    events.record(connection, f"job_{state.value}", row.build, row.name, reason)
    if state in JOB_ENDS:
        finish_build(connection, row.build)
    return True


def cancel(connection: Connection, build: int, name: str, reason: str) -> bool:
    """Cancel a job and mark its running attempt as `cancelling`, for the dispatcher to tell the slave.

    Returns:
        Whether this call did so; False leaves everything as it was.
    """
    job_id = connection.execute(sa.select(jobs.c.id).where(jobs.c.build == build, jobs.c.name == name)).scalar_one()
    if not change(connection, job_id, JobState.CANCELLED, reason=reason):
        return False
    running = (attempts.c.job_id == job_id, attempts.c.state == AttemptState.RUNNING.value)
    connection.execute(sa.update(attempts).where(*running).values(state=AttemptState.CANCELLING.value))
    return True


def finish_build(connection: Connection, build: int) -> None:
    """Mark a build as finished when none of its jobs can move any more."""
    ends = [end.value for end in JOB_ENDS]
    unfinished = sa.exists().where(jobs.c.build == build, jobs.c.state.not_in(ends))
    statement = sa.update(builds).where(builds.c.number == build, builds.c.finished.is_(None), ~unfinished)
    if connection.execute(statement.values(finished=wall_time())).rowcount:
        events.record(connection, "build_finished", build)


def insert(
    connection: Connection,
    *,
    build: int,
    name: str,
    package_id: int,
    state: JobState,
    channel: str,
    architecture: str,
) -> int:
    """Add a job to a build in the transaction that makes the build; returns its id."""
    row = {
        "build": build,
        "name": name,
        "package_id": package_id,
        "state": state.value,
        "channel": channel,
        "architecture": architecture,
    }
    return int(connection.execute(sa.insert(jobs).values(row).returning(jobs.c.id)).scalar_one())


def unfinished(connection: Connection) -> dict[JobState, int]:
    """How many jobs there are in each state that is no end."""
    moving = [state for state in JobState if state not in JOB_ENDS]
    query = sa.select(jobs.c.state, sa.func.count()).where(jobs.c.state.in_([state.value for state in moving]))
    found = {row[0]: row[1] for row in connection.execute(query.group_by(jobs.c.state))}
    return {state: found.get(state.value, 0) for state in moving}
