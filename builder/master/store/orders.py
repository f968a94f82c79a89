"""SQL for orders: facts for an attempt from its build, package and project, and from earlier builds."""

from collections.abc import Iterable
from typing import Final

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from builder.master.decisions.order import Built, Claimed
from builder.master.store import jobs as stored_jobs
from builder.master.store.schema import attempts, builds, jobs, packages
from builder.model.attempt import SourceFacts
from builder.model.job import JobKind, JobState
from builder.model.project import Project

LATEST: Final = 100
"""Number of a package's latest builds among which the highest EVR is looked for; only forced ones go down."""
_CLAIMED = (
    sa.select(attempts.c.id.label("attempt"), attempts.c.slave, attempts.c.fence)
    .add_columns(jobs.c.build, jobs.c.name.label("job"), jobs.c.kind, jobs.c.targets, jobs.c.package_id)
    .add_columns(builds.c.force, builds.c.source, builds.c.definition, packages.c.name)
    .join(jobs, jobs.c.id == attempts.c.job_id)
    .join(builds, builds.c.number == jobs.c.build)
    .join(packages, packages.c.id == jobs.c.package_id)
    .where(attempts.c.id == sa.bindparam("attempt"))
)


class _Inputs(msgspec.Struct, frozen=True):
    """The part of `SourceFacts` that the gate compares; the rest of a hundred of them is not read."""

    inputs: str


def claimed(connection: Connection, attempt: str) -> Claimed:
    """Return an attempt that has just begun, with the facts that orders of all kinds are made from."""
    row = connection.execute(_CLAIMED, {"attempt": attempt}).one()
    project = msgspec.json.decode(row.definition, type=Project)
    return Claimed(
        attempt=row.attempt,
        slave=row.slave,
        fence=row.fence,
        build=row.build,
        job=row.job,
        kind=JobKind(row.kind),
        targets=stored_jobs.targets(row.targets),
        project=project,
        name=row.name,
        package_id=row.package_id,
        package=project.packages[row.name],
        force=row.force,
        source=None if row.source is None else msgspec.json.decode(row.source, type=SourceFacts),
    )


def built(connection: Connection, package_id: int, chroots: Iterable[str]) -> tuple[Built, ...]:
    """Return the versions of a package that were published, or are being published, for any of these chroots.

    The latest comes first.
    """
    served = [jobs.c.targets.contains(f'"{chroot}"', autoescape=True) for chroot in chroots]
    query = (
        sa.select(jobs.c.evr, jobs.c.serial, jobs.c.targets, builds.c.source)
        .join(builds, builds.c.number == jobs.c.build)
        .where(jobs.c.package_id == package_id, sa.or_(*served))
        .where(jobs.c.state.in_([JobState.PUBLISHING.value, JobState.SUCCEEDED.value]), jobs.c.evr.is_not(None))
    )
    latest = connection.execute(query.order_by(jobs.c.id.desc()).limit(LATEST))
    return tuple(
        Built(
            evr=row.evr,
            serial=row.serial,
            inputs=msgspec.json.decode(row.source, type=_Inputs).inputs,
            chroots=frozenset(stored_jobs.targets(row.targets)),
        )
        for row in latest
    )
