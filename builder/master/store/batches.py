"""SQL for batches: many builds at once, the jobs of one batch, and how long such jobs took before."""

from collections.abc import Collection
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from builder import lifecycle
from builder.master.store import jobs as stored_jobs
from builder.master.store.schema import attempts, jobs, packages
from builder.model.attempt import AttemptState
from builder.model.job import JobKind, JobState

_MOVING = [state.value for state in JobState if state not in lifecycle.JOB_ENDS]
_SOURCES_LEFT = sa.select(
    sa.exists().where(
        jobs.c.batch == sa.bindparam("of"), jobs.c.kind == JobKind.SOURCE.value, jobs.c.state.in_(_MOVING)
    )
)
_JOBS = (
    sa.select(jobs.c.id, jobs.c.build, jobs.c.name, jobs.c.kind, jobs.c.state, jobs.c.targets, jobs.c.package_id)
    .add_columns(packages.c.project, packages.c.name.label("package"))
    .join(packages, packages.c.id == jobs.c.package_id)
    .where(jobs.c.batch == sa.bindparam("of"))
    .order_by(jobs.c.id)
)
_DONE = sa.or_(
    jobs.c.state == JobState.SUCCEEDED.value,
    sa.and_(jobs.c.state == JobState.SKIPPED.value, jobs.c.fence == 0),  # which takes no time, and never will
)
_LAST = (
    sa.select(sa.func.max(jobs.c.id))
    .where(jobs.c.package_id.in_(sa.bindparam("these", expanding=True)), _DONE)
    .group_by(jobs.c.package_id, jobs.c.name)
)
_LASTING: Any = (
    sa.select(jobs.c.package_id, jobs.c.name)
    .add_columns(sa.func.coalesce(attempts.c.finished - attempts.c.started, 0.0).label("seconds"))
    .outerjoin(attempts, (attempts.c.job_id == jobs.c.id) & (attempts.c.state == AttemptState.SUCCEEDED.value))
    .where(jobs.c.id.in_(_LAST))
)


class BatchJob(NamedTuple):
    """A job of a batch; `targets` are the chroots whose repositories get what it makes."""

    id: int
    build: int
    name: str
    kind: JobKind
    state: JobState
    targets: tuple[str, ...]
    package_id: int
    project: str
    package: str


def sources_left(connection: Connection, batch: int) -> bool:
    """Tell if a source job of the batch has not ended."""
    return bool(connection.execute(_SOURCES_LEFT, {"of": batch}).scalar_one())


def decided(connection: Connection, batch: int) -> None:
    """Forget why the jobs of a batch waited: from now on they wait for others, which are read when they are shown."""
    waiting = (jobs.c.batch == batch, jobs.c.state == JobState.WAITING.value)
    connection.execute(sa.update(jobs).where(*waiting).values(reason=""))


def jobs_of(connection: Connection, batch: int) -> list[BatchJob]:
    """Return all jobs of a batch, in the order of its builds."""
    return [
        BatchJob(
            id=row.id,
            build=row.build,
            name=row.name,
            kind=JobKind(row.kind),
            state=JobState(row.state),
            targets=stored_jobs.targets(row.targets),
            package_id=row.package_id,
            project=row.project,
            package=row.package,
        )
        for row in connection.execute(_JOBS, {"of": batch})
    ]


def lasting(connection: Connection, package_ids: Collection[int]) -> dict[tuple[int, str], float]:
    """Return the seconds that each job took when it last succeeded, by package and job."""
    rows = connection.execute(_LASTING, {"these": tuple(package_ids)})
    return {(row.package_id, row.name): float(row.seconds) for row in rows}
