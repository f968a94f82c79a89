"""SQL for orders: what an attempt is told is gathered from its build, package and project, and from earlier builds."""

from collections.abc import Iterable
from typing import Final

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from builder import nevra
from builder.master import access
from builder.master.order import Claimed
from builder.master.store import artifacts, secrets
from builder.master.store import jobs as jobs_stored
from builder.master.store.schema import attempts, builds, jobs, packages, projects
from builder.model.attempt import LastBuilt, SourceFacts
from builder.model.job import SOURCE, JobState
from builder.model.project import Package, Project

LATEST: Final = 100
"""Among how many of a package's latest builds the highest EVR is looked for; only forced ones go down."""
_CLAIMED = (
    sa.select(attempts.c.id.label("attempt"), attempts.c.slave, attempts.c.fence)
    .add_columns(jobs.c.build, jobs.c.name.label("job"), jobs.c.targets, jobs.c.package_id)
    .add_columns(builds.c.force, builds.c.source, builds.c.definition, packages.c.name)
    .add_columns(projects.c.definition.label("project"))
    .join(jobs, jobs.c.id == attempts.c.job_id)
    .join(builds, builds.c.number == jobs.c.build)
    .join(packages, packages.c.id == jobs.c.package_id)
    .join(projects, projects.c.name == packages.c.project)
    .where(attempts.c.id == sa.bindparam("attempt"))
)


def claimed(connection: Connection, attempt: str) -> Claimed:
    """An attempt that has just begun, with all that its order is made from."""
    row = connection.execute(_CLAIMED, {"attempt": attempt}).one()
    about = Claimed(
        attempt=row.attempt,
        slave=row.slave,
        fence=row.fence,
        build=row.build,
        job=row.job,
        project=msgspec.json.decode(row.project, type=Project),
        name=row.name,
        package=msgspec.json.decode(row.definition, type=Package),
        force=row.force,
    )
    if row.job == SOURCE:
        needed = secrets.sealed(connection, about.project.project, access.named(about.package))
        return msgspec.structs.replace(about, secrets=needed)
    if row.source is None:
        return about
    made = artifacts.srpm_of(connection, row.build)
    targets = jobs_stored.targets(row.job, row.targets)
    return msgspec.structs.replace(
        about,
        source=msgspec.json.decode(row.source, type=SourceFacts),
        srpm=None if made is None else made.artifact,
        last_built=last_built(connection, row.package_id, targets),
    )


def last_built(connection: Connection, package_id: int, chroots: Iterable[str]) -> LastBuilt | None:
    """The highest EVR of a package that is published, or being published, for any of these chroots."""
    served: list[sa.ColumnElement[bool]] = [jobs.c.name.in_(tuple(chroots))]
    served += [jobs.c.targets.contains(f'"{chroot}"', autoescape=True) for chroot in chroots]
    query = (
        sa.select(jobs.c.evr, jobs.c.serial, builds.c.source)
        .join(builds, builds.c.number == jobs.c.build)
        .where(jobs.c.package_id == package_id, jobs.c.name != SOURCE, sa.or_(*served))
        .where(jobs.c.state.in_([JobState.PUBLISHING.value, JobState.SUCCEEDED.value]), jobs.c.evr.is_not(None))
    )
    latest = connection.execute(query.order_by(jobs.c.id.desc()).limit(LATEST)).all()
    # Of equal EVRs the latest counts: forced rebuilds of sources without changes differ in nothing but that.
    highest = max(latest, key=lambda row: nevra.newest_last(row.evr), default=None)
    if highest is None:
        return None
    source = msgspec.json.decode(highest.source, type=SourceFacts)
    return LastBuilt(evr=highest.evr, inputs=source.inputs, serial=highest.serial)
