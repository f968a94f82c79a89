"""SQL for the dispatcher's decisions: the queued jobs, and the claims of jobs that others are at work on."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection, Row

from builder.master.decisions.assignment import ANY, Claim, Offer, Waiting
from builder.master.store import attempts as live_attempts
from builder.master.store.attempts import Live
from builder.master.store.jobs import NOBODY, targets
from builder.master.store.operations import WAITING
from builder.master.store.schema import attempts, jobs, operations, packages
from builder.model.attempt import AttemptState
from builder.model.job import JobState

PAGE: Final = 50
"""Number of queued jobs that are read at once; the next ones only if there are places left."""

_UNPREPARED = sa.select(operations.c.project).where(operations.c.state == WAITING, operations.c.job_id.is_(None))
"""The projects whose repositories have not been made yet: until then nothing begins that is to be published there."""
_QUEUED = (
    sa.select(jobs.c.id, jobs.c.package_id, jobs.c.channel, jobs.c.architecture, jobs.c.targets)
    .add_columns(jobs.c.fence)
    .join(packages, packages.c.id == jobs.c.package_id)
    .where(jobs.c.state == JobState.QUEUED.value, jobs.c.id > sa.bindparam("after"))
    .where(jobs.c.channel.in_(sa.bindparam("channels", expanding=True)))
    .where(jobs.c.architecture.in_(sa.bindparam("architectures", expanding=True)))
    .where(sa.or_(jobs.c.targets == NOBODY, packages.c.project.not_in(_UNPREPARED)))
    .order_by(jobs.c.id)  # which is the order of the builds
    .limit(PAGE)
)
_BROKEN = (
    sa.select(attempts.c.job_id, attempts.c.slave, jobs.c.fence, jobs.c.broken)
    .join(jobs, jobs.c.id == attempts.c.job_id)
    .where(jobs.c.state == JobState.QUEUED.value, jobs.c.fence > 0)
    .where(attempts.c.state == AttemptState.BROKEN.value)
)
_TAKEN = sa.select(jobs.c.package_id, jobs.c.targets).where(
    jobs.c.state.in_([JobState.RUNNING.value, JobState.PUBLISHING.value]), jobs.c.targets != NOBODY
)


class Broken(NamedTuple):
    """A queued job at which attempts were broken.

    Attributes:
        fence: The number of times that it was begun.
        times: The number of these attempts that count: one that a slave has refused does not.
        slaves: The slaves where they were broken.
    """

    fence: int
    times: int
    slaves: frozenset[str]


class Queue(NamedTuple):
    """The queue: all facts for the dispatcher's decision.

    Attributes:
        live: All attempts that have not ended.
        offers: The slaves, with the places that each has free.
        waiting: The queued jobs that slaves with a free place subscribe to, the oldest first; read on demand.
        broken: Each queued job at which attempts were broken, by its row.
        taken: The claims of running and publishing jobs.
    """

    live: tuple[Live, ...]
    offers: tuple[Offer, ...] = ()
    waiting: Iterable[Waiting] = ()
    broken: Mapping[int, Broken] = {}
    taken: frozenset[Claim] = frozenset()


def queue(connection: Connection, slaves: Iterable[Offer]) -> Queue:
    """Return the queue for these slaves, whose places are given as if they held nothing."""
    live = live_attempts.live(connection)
    held = Counter(attempt.slave for attempt in live)
    offers = tuple(msgspec.structs.replace(slave, free=slave.free - held[slave.slave]) for slave in slaves)
    pages = _pages(connection, [offer for offer in offers if offer.free > 0])
    first = next(pages, None)
    if first is None:
        return Queue(live, offers)
    broken = _broken(connection)
    waiting = (_waiting(row, broken.get(row.id)) for page in chain([first], pages) for row in page)
    return Queue(live, offers, waiting, broken, _taken(connection))


def _pages(connection: Connection, free: Iterable[Offer]) -> Iterator[list[Row[Any]]]:
    """Yield the queued jobs that these slaves subscribe to, page by page."""
    wanted = {
        "channels": tuple({channel for offer in free for channel in offer.channels}),
        "architectures": (ANY, *{name for offer in free for name in offer.architectures}),
        "after": 0,
    }
    while wanted["channels"] and (rows := connection.execute(_QUEUED, wanted).all()):
        yield list(rows)
        if len(rows) < PAGE:
            return
        wanted["after"] = rows[-1].id


def _waiting(row: Row[Any], broken: Broken | None) -> Waiting:
    return Waiting(
        job=row.id,
        fence=row.fence,
        package=row.package_id,
        channel=row.channel,
        architecture=row.architecture,
        chroots=targets(row.targets),
        avoid=broken.slaves if broken else frozenset(),
    )


def _broken(connection: Connection) -> dict[int, Broken]:
    found: dict[int, Broken] = {}
    for row in connection.execute(_BROKEN):
        others = found[row.job_id].slaves if row.job_id in found else frozenset()
        found[row.job_id] = Broken(row.fence, row.broken, others | {row.slave})
    return found


def _taken(connection: Connection) -> frozenset[Claim]:
    return frozenset((row.package_id, chroot) for row in connection.execute(_TAKEN) for chroot in targets(row.targets))
