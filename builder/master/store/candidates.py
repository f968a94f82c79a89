"""SQL for what the dispatcher decides from: queued jobs, and what others are at work on."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection, Row

from builder.master.schedule import ANY, Claim, Place, Waiting
from builder.master.store import attempts as live_attempts
from builder.master.store.attempts import Live
from builder.master.store.jobs import targets
from builder.master.store.operations import WAITING
from builder.master.store.schema import attempts, jobs, operations, packages
from builder.model.attempt import AttemptState
from builder.model.job import SOURCE, JobState

_UNPREPARED = sa.exists().where(
    operations.c.project == packages.c.project, operations.c.state == WAITING, operations.c.job_id.is_(None)
)
"""A chroot job waits until its project's repositories have been made."""
_QUEUED = (
    sa.select(jobs)
    .join(packages, packages.c.id == jobs.c.package_id)
    .where(jobs.c.state == JobState.QUEUED.value)
    .where(jobs.c.channel.in_(sa.bindparam("channels", expanding=True)))
    .where(jobs.c.architecture.in_(sa.bindparam("architectures", expanding=True)))
    .where(sa.or_(jobs.c.name == SOURCE, ~_UNPREPARED))
    .order_by(jobs.c.build, jobs.c.id)
)
_BROKEN = (
    sa.select(attempts.c.job_id, attempts.c.slave)
    .join(jobs, jobs.c.id == attempts.c.job_id)
    .where(jobs.c.state == JobState.QUEUED.value, attempts.c.state == AttemptState.BROKEN.value)
)
_TAKEN = sa.select(jobs.c.package_id, jobs.c.name, jobs.c.targets).where(
    jobs.c.state.in_([JobState.RUNNING.value, JobState.PUBLISHING.value]), jobs.c.name != SOURCE
)


class Queue(NamedTuple):
    """What there is to decide about.

    Attributes:
        live: All attempts that have not ended.
        places: The places that are free.
        waiting: The queued jobs that slaves with a free place subscribe to, the oldest first.
        fences: The fence of each of these, by the job's row.
        taken: What running and publishing jobs are at work on.
    """

    live: tuple[Live, ...]
    places: tuple[Place, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    fences: Mapping[int, int] = {}
    taken: frozenset[Claim] = frozenset()


def queue(connection: Connection, slaves: Iterable[Place]) -> Queue:
    """What there is to decide about for these slaves, whose places are here all free, if they held nothing yet."""
    live = live_attempts.live(connection)
    held = Counter(attempt.slave for attempt in live)
    free = (msgspec.structs.replace(slave, free=slave.free - held[slave.slave]) for slave in slaves)
    places = tuple(place for place in free if place.free > 0)
    wanted = {
        "channels": tuple({channel for place in places for channel in place.channels}),
        "architectures": (ANY, *{name for place in places for name in place.architectures}),
    }
    rows = connection.execute(_QUEUED, wanted).all() if places else ()
    if not rows:
        return Queue(live, places)
    broken = _broken(connection)
    waiting = tuple(_waiting(row, broken[row.id]) for row in rows)
    return Queue(live, places, waiting, {row.id: row.fence for row in rows}, _taken(connection))


def _waiting(row: Row[Any], broken: Collection[str]) -> Waiting:
    return Waiting(
        job=row.id,
        package=row.package_id,
        channel=row.channel,
        architecture=row.architecture,
        chroots=targets(row.name, row.targets),
        avoid=frozenset(broken),
    )


def _broken(connection: Connection) -> dict[int, set[str]]:
    """By the row of a queued job, the slaves on which an attempt at it was broken."""
    found: dict[int, set[str]] = defaultdict(set)
    for row in connection.execute(_BROKEN):
        found[row.job_id].add(row.slave)
    return found


def _taken(connection: Connection) -> frozenset[Claim]:
    return frozenset(
        (row.package_id, chroot) for row in connection.execute(_TAKEN) for chroot in targets(row.name, row.targets)
    )
