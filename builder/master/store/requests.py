"""SQL for requests: many builds and their jobs are stored in as many statements as one."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from builder.master.store import events
from builder.master.store import jobs as stored_jobs
from builder.master.store.jobs import NOBODY
from builder.master.store.projects import KnownPackage
from builder.master.store.schema import builds, jobs
from builder.master.store.stamp import now
from builder.model.chroot import architecture_of
from builder.model.event import EventKind, Subject
from builder.model.job import SOURCE, JobKind, JobState
from builder.model.project import Project

_BUILDS = sa.insert(builds).returning(builds.c.number, sort_by_parameter_order=True)
_JOBS = sa.insert(jobs)


class Wanted(NamedTuple):
    """A package, the chroots that it is to be built for, and its project, without the others of its packages."""

    known: KnownPackage
    chroots: tuple[str, ...]
    project: Project


def insert(
    connection: Connection, wanted: Sequence[Wanted], who: str, *, force: bool, batch: bool = False
) -> tuple[int, ...]:
    """Store a build of each of these packages; return their numbers, in this order.

    Their source jobs are queued, and for each chroot there is a job that waits for its source job. A batch is known
    by the number of its first build.
    """
    common = {"force": force, "requested_by": who, "requested": now(connection)}
    rows = [
        common | {"package_id": one.known.id, "definition": msgspec.json.encode(_definition(one)).decode()}
        for one in wanted
    ]
    numbers = tuple(connection.execute(_BUILDS, rows).scalars())
    of = numbers[0] if batch else None
    made = [row for number, one in zip(numbers, wanted, strict=True) for row in _jobs(number, one, of)]
    connection.execute(_JOBS, made)
    pairs = zip(numbers, wanted, strict=True)
    events.record_all(connection, [event for number, one in pairs for event in _events(number, one, who)])
    return numbers


def _definition(wanted: Wanted) -> Project:
    return msgspec.structs.replace(wanted.project, packages={wanted.known.name: wanted.known.package})


def _events(number: int, wanted: Wanted, who: str) -> Iterator[tuple[EventKind, Subject, str]]:
    of = Subject(project=wanted.known.project, build=number)
    yield EventKind.BUILD_QUEUED, msgspec.structs.replace(of, who=who), wanted.known.name
    yield EventKind.JOB_QUEUED, msgspec.structs.replace(of, job=SOURCE), ""


def _jobs(number: int, wanted: Wanted, batch: int | None) -> Iterator[dict[str, Any]]:
    known = wanted.known
    common = {"build": number, "package_id": known.id, "channel": known.package.channel, "batch": batch}
    source = {"name": SOURCE, "kind": JobKind.SOURCE.value, "architecture": "noarch", "targets": NOBODY}
    yield common | source | {"state": JobState.QUEUED.value}
    for name in wanted.chroots:
        own = {"name": name, "kind": JobKind.CHROOT.value, "architecture": architecture_of(name)}
        yield common | own | {"state": JobState.WAITING.value, "targets": stored_jobs.text_of((name,))}
