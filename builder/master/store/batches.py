"""SQL for batches: many builds at once, the jobs of one batch, and how long such took before."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from builder import lifecycle
from builder.clock import wall_time
from builder.master.store import jobs as jobs_stored
from builder.master.store.projects import Known
from builder.master.store.schema import attempts, builds, events, jobs, packages
from builder.model.attempt import AttemptState
from builder.model.chroot import architecture_of
from builder.model.job import SOURCE, JobState

_MOVING = [state.value for state in JobState if state not in lifecycle.JOB_ENDS]
_SOURCES_LEFT = sa.select(
    sa.exists().where(jobs.c.batch == sa.bindparam("of"), jobs.c.name == SOURCE, jobs.c.state.in_(_MOVING))
)
_JOBS = (
    sa.select(jobs.c.id, jobs.c.build, jobs.c.name, jobs.c.state, jobs.c.targets, jobs.c.package_id)
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
    state: JobState
    targets: tuple[str, ...]
    package_id: int
    project: str
    package: str


def insert(
    connection: Connection, wanted: Sequence[tuple[Known, Iterable[str]]], who: str, *, force: bool
) -> tuple[int, ...]:
    """Write down a build of each of these packages for these chroots; returns their numbers, in this order.

    Their source jobs are queued.
    """
    now = wall_time()
    common = {"force": force, "requested_by": who, "requested": now}
    rows = [
        common | {"package_id": known.id, "definition": msgspec.json.encode(known.package).decode()}
        for known, _ in wanted
    ]
    inserted = sa.insert(builds).returning(builds.c.number, sort_by_parameter_order=True)
    numbers = tuple(connection.execute(inserted, rows).scalars())
    own = [
        row
        for number, (known, chroots) in zip(numbers, wanted, strict=True)
        for row in _jobs(number, known, chroots, batch=numbers[0])
    ]
    connection.execute(sa.insert(jobs), own)
    told: list[dict[str, Any]] = []
    for number in numbers:
        told.append({"time": now, "kind": "build_queued", "build": number, "job": None})
        told.append({"time": now, "kind": "job_queued", "build": number, "job": SOURCE})
    connection.execute(sa.insert(events).inline(), told)
    return numbers


def sources_left(connection: Connection, batch: int) -> bool:
    """Whether a source job of the batch has not ended."""
    return bool(connection.execute(_SOURCES_LEFT, {"of": batch}).scalar_one())


def decided(connection: Connection, batch: int) -> None:
    """Forget why the jobs of a batch waited: what they wait for from now on changes, and is read when it is shown."""
    waiting = (jobs.c.batch == batch, jobs.c.state == JobState.WAITING.value)
    connection.execute(sa.update(jobs).where(*waiting).values(reason=""))


def jobs_of(connection: Connection, batch: int) -> list[BatchJob]:
    """All jobs of a batch, in the order of its builds."""
    return [
        BatchJob(
            id=row.id,
            build=row.build,
            name=row.name,
            state=JobState(row.state),
            targets=jobs_stored.targets(row.name, row.targets),
            package_id=row.package_id,
            project=row.project,
            package=row.package,
        )
        for row in connection.execute(_JOBS, {"of": batch})
    ]


def lasting(connection: Connection, package_ids: Collection[int]) -> dict[tuple[int, str], float]:
    """By package and job, how many seconds it took when it last succeeded."""
    rows = connection.execute(_LASTING, {"these": tuple(package_ids)})
    return {(row.package_id, row.name): float(row.seconds) for row in rows}


def _jobs(number: int, known: Known, chroots: Iterable[str], batch: int) -> Iterable[dict[str, Any]]:
    common = {"build": number, "package_id": known.id, "channel": known.package.channel, "batch": batch}
    yield common | {"name": SOURCE, "state": JobState.QUEUED.value, "architecture": "noarch"}
    for name in chroots:
        yield common | {"name": name, "state": JobState.WAITING.value, "architecture": architecture_of(name)}
