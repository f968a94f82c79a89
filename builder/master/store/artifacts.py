"""SQL for artifacts: what the attempts that succeeded have delivered."""

from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from builder.master.store.schema import artifacts, attempts, jobs
from builder.model.artifact import Artifact, ArtifactKind
from builder.model.attempt import AttemptState
from builder.model.job import SOURCE


class Stored(NamedTuple):
    """A delivered file, and the attempt in whose folder it is."""

    build: int
    job: str
    fence: int
    artifact: Artifact


def insert(connection: Connection, attempt: str, delivered: tuple[Artifact, ...]) -> None:
    """Write down what an attempt has delivered."""
    rows = [
        {
            "attempt": attempt,
            "name": artifact.name,
            "kind": artifact.kind.value,
            "size": artifact.size,
            "sha256": artifact.sha256,
            "nevra": artifact.nevra,
        }
        for artifact in delivered
    ]
    if rows:
        connection.execute(sa.insert(artifacts), rows)


def srpm_of(connection: Connection, build: int) -> Stored | None:
    """What the source job of a build has made, if it has."""
    row = connection.execute(_srpms().where(jobs.c.build == build)).first()
    return None if row is None else _stored(row)


def ordered_by(connection: Connection, slave: str, sha256: str) -> Stored | None:
    """The SRPM with this digest, if an attempt that this slave is at work on is about it."""
    own, under_way = jobs.alias(), attempts.alias()
    at_work = (
        sa.exists()
        .where(own.c.build == jobs.c.build, under_way.c.job_id == own.c.id)
        .where(under_way.c.slave == slave, under_way.c.state == AttemptState.RUNNING.value)
    )
    row = connection.execute(_srpms().where(artifacts.c.sha256 == sha256, at_work)).first()
    return None if row is None else _stored(row)


def _srpms() -> sa.Select[Any]:
    """The SRPMs that source jobs have made."""
    return (
        sa.select(artifacts, jobs.c.build, jobs.c.name.label("job"), attempts.c.fence)
        .join(attempts, attempts.c.id == artifacts.c.attempt)
        .join(jobs, jobs.c.id == attempts.c.job_id)
        .where(artifacts.c.kind == ArtifactKind.SRPM.value, jobs.c.name == SOURCE)
        .where(attempts.c.state == AttemptState.SUCCEEDED.value)
    )


def _stored(row: Row[Any]) -> Stored:
    artifact = Artifact(name=row.name, kind=ArtifactKind(row.kind), size=row.size, sha256=row.sha256, nevra=row.nevra)
    return Stored(row.build, row.job, row.fence, artifact)
