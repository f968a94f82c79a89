"""SQL for events: rows written in the transaction of the change that they tell of.

Here and in the other modules, statements of every build's way through the farm are made once: SQLAlchemy takes longer
to make one than SQLite to carry it out.
"""

from collections.abc import Iterable
from typing import Final

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from builder.master.store.schema import builds, events, images, packages
from builder.master.store.stamp import now
from builder.model.event import Event, EventFilter, EventKind, Subject

EVERY: Final = EventFilter()

_OF_BUILD = builds.c.number == sa.bindparam("of_build")
_PROJECT = sa.func.coalesce(
    sa.bindparam("of_project", type_=sa.Text),
    sa.select(packages.c.project).join(builds).where(_OF_BUILD).scalar_subquery(),
    sa.select(images.c.project).join(builds).where(_OF_BUILD).scalar_subquery(),
)
_INSERT = sa.insert(events).inline().values(project=_PROJECT)
_NEWEST = sa.select(sa.func.coalesce(sa.func.max(events.c.number), 0))


def record(connection: Connection, kind: EventKind, subject: Subject, text: str = "") -> None:
    """Tell that something happened; with one thread that writes, numbers appear in the order of the commits.

    An event of a build is one of the build's project, whether the subject says so or not.
    """
    record_all(connection, [(kind, subject, text)])


def record_all(connection: Connection, happened: Iterable[tuple[EventKind, Subject, str]]) -> None:
    """Tell of several things at once, in their order."""
    time = now(connection)
    rows = [
        {
            "time": time,
            "kind": kind.value,
            "of_project": subject.project,
            "of_build": subject.build,
            "build": subject.build,
            "job": subject.job,
            "operation": subject.operation,
            "slave": subject.slave,
            "release": subject.release,
            "who": subject.who,
            "text": text,
        }
        for kind, subject, text in happened
    ]
    connection.execute(_INSERT, rows)


def since(connection: Connection, number: int, wanted: EventFilter = EVERY, limit: int = 500) -> tuple[Event, ...]:
    """Return the events after `number` that are wanted, oldest first, at most `limit`."""
    query = sa.select(events).where(events.c.number > number).order_by(events.c.number).limit(limit)
    for name, value in msgspec.structs.asdict(wanted).items():
        if value is not None:
            query = query.where(events.c[name] == (value.value if isinstance(value, EventKind) else value))
    return tuple(Event(**{**row, "kind": EventKind(row["kind"])}) for row in connection.execute(query).mappings())


def newest(connection: Connection) -> int:
    """Return the number of the newest event, 0 when nothing has happened yet."""
    return int(connection.execute(_NEWEST).scalar_one())
