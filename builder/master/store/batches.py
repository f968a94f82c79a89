"""SQL for batches: many builds at once, and the jobs of one."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from builder import lifecycle
from builder.clock import wall_time
from builder.master.store import jobs as jobs_stored
from builder.master.store.projects import Known
from builder.master.store.schema import builds, events, jobs, packages
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


def _jobs(number: int, known: Known, chroots: Iterable[str], batch: int) -> Iterable[dict[str, Any]]:
    common = {"build": number, "package_id": known.id, "channel": known.package.channel, "batch": batch}
    yield common | {"name": SOURCE, "state": JobState.QUEUED.value, "architecture": "noarch"}
    for name in chroots:
        yield common | {"name": name, "state": JobState.WAITING.value, "architecture": architecture_of(name)}
