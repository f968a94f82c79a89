"""SQL for needs: which jobs of a batch wait for which, once the order in which they begin is decided."""

from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from builder.master.store.schema import jobs, needs, packages
from builder.model.job import JobState

_MET: Final = [JobState.SUCCEEDED.value, JobState.SKIPPED.value]
_other = jobs.alias()
_unmet = needs.alias()
_WAITS = (
    sa.select(needs.c.job_id)
    .join(jobs, jobs.c.id == needs.c.job_id)
    .where(needs.c.needed == sa.bindparam("of"), jobs.c.state == JobState.WAITING.value)
    .order_by(needs.c.job_id)
)
_FREE = _WAITS.where(
    ~sa.exists()
    .where(_unmet.c.job_id == needs.c.job_id, _other.c.id == _unmet.c.needed)
    .where(_other.c.state.not_in(_MET))
)
_first = sa.select(needs.c.job_id.label("id")).where(needs.c.needed == sa.bindparam("of")).cte("users", recursive=True)
_users = _first.union(sa.select(needs.c.job_id).join(_first, needs.c.needed == _first.c.id))
_USERS = (
    sa.select(jobs.c.id)
    .join(_users, _users.c.id == jobs.c.id)
    .where(jobs.c.state == JobState.WAITING.value)
    .order_by(jobs.c.id)
)
_UNMET = (
    sa.select(needs.c.job_id, packages.c.name, _other.c.build)
    .join(_other, _other.c.id == needs.c.needed)
    .join(packages, packages.c.id == _other.c.package_id)
    .where(needs.c.job_id.in_(sa.bindparam("these", expanding=True)), _other.c.state.not_in(_MET))
    .order_by(needs.c.job_id, _other.c.build)
)
_NAME = (
    sa.select(packages.c.name, jobs.c.build)
    .join(jobs, jobs.c.package_id == packages.c.id)
    .where(jobs.c.id == sa.bindparam("of"))
)


class Need(NamedTuple):
    """A need: the job that another one waits for."""

    job_id: int
    package: str
    build: int

    @property
    def words(self) -> str:
        """The need as people read it."""
        return f"{self.package} (build {self.build})"


def insert(connection: Connection, pairs: Iterable[tuple[int, int]]) -> None:
    """Store that the first of each pair waits for the second."""
    rows = [{"job_id": job, "needed": needed} for job, needed in pairs]
    if rows:
        connection.execute(sa.insert(needs), rows)


def freed_by(connection: Connection, job_id: int) -> list[int]:
    """Return the jobs that waited for this one, which has done its part, and wait for no other any more."""
    return list(connection.execute(_FREE, {"of": job_id}).scalars())


def users_of(connection: Connection, job_id: int) -> list[int]:
    """Return the jobs that wait for this one, or for another that does."""
    return list(connection.execute(_USERS, {"of": job_id}).scalars())


def unmet(connection: Connection, of: Collection[int]) -> list[Need]:
    """Return the needs that these jobs still wait for."""
    return [Need(*row) for row in connection.execute(_UNMET, {"these": tuple(of)})]


def named(connection: Connection, job_id: int) -> str:
    """Return the package and the build of a job, as people read it."""
    return Need(job_id, *connection.execute(_NAME, {"of": job_id}).one()).words
