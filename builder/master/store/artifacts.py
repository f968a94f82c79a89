"""SQL for artifacts: the SRPMs that source jobs have delivered, which chroot jobs are ordered to build."""

from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from builder.master.store.schema import artifacts, attempts, jobs
from builder.model.artifact import Artifact, ArtifactKind
from builder.model.attempt import AttemptState

_INSERT = sa.insert(artifacts)
_SRPMS = (
    sa.select(artifacts, jobs.c.build, jobs.c.name.label("job"), attempts.c.fence)
    .join(attempts, attempts.c.id == artifacts.c.attempt)
    .join(jobs, jobs.c.id == attempts.c.job_id)
    .where(artifacts.c.kind == ArtifactKind.SRPM.value)
)
_OF_BUILD = _SRPMS.where(jobs.c.build == sa.bindparam("of"))
_own, _under_way = jobs.alias(), attempts.alias()
_ORDERED = _SRPMS.where(artifacts.c.sha256 == sa.bindparam("wanted")).where(
    sa.exists()
    .where(_own.c.build == jobs.c.build, _under_way.c.job_id == _own.c.id)
    .where(_under_way.c.slave == sa.bindparam("by"), _under_way.c.state == AttemptState.RUNNING.value)
)


class Stored(NamedTuple):
    """A delivered file, and the attempt in whose folder it is."""

    build: int
    job: str
    fence: int
    artifact: Artifact


def insert(connection: Connection, attempt: str, srpm: Artifact) -> None:
    """Store the SRPM that an attempt at a source job has delivered."""
    row = {"attempt": attempt, "name": srpm.name, "kind": srpm.kind.value, "size": srpm.size}
    connection.execute(_INSERT, row | {"sha256": srpm.sha256, "nevra": srpm.nevra})


def srpm_of(connection: Connection, build: int) -> Stored | None:
    """Return the SRPM that the source job of a build has made, None if it has made none."""
    row = connection.execute(_OF_BUILD, {"of": build}).first()
    return None if row is None else _stored(row)


def ordered_by(connection: Connection, slave: str, sha256: str) -> Stored | None:
    """Return the SRPM with this digest if an attempt that this slave is at work on is about it, else None."""
    row = connection.execute(_ORDERED, {"wanted": sha256, "by": slave}).first()
    return None if row is None else _stored(row)


def _stored(row: Row[Any]) -> Stored:
    artifact = Artifact(name=row.name, kind=ArtifactKind(row.kind), size=row.size, sha256=row.sha256, nevra=row.nevra)
    return Stored(row.build, row.job, row.fence, artifact)
