"""SQL for events: rows written in the transaction of the change that they tell of.

Here and in the other modules, statements of every build's way through the farm are made once: SQLAlchemy takes longer
to make one than the database to carry it out.
"""

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy import Connection

from builder.master.store.schema import events
from builder.master.store.stamp import now
from builder.model.event import Event

_INSERT = sa.insert(events).inline()
_NEWEST = sa.select(sa.func.coalesce(sa.func.max(events.c.number), 0))


def record(connection: Connection, kind: str, build: int, job: str | None = None, text: str = "") -> None:
    """Tell that something happened; with one thread that writes, numbers appear in the order of the commits."""
    record_all(connection, [(kind, build, job, text)])


def record_all(connection: Connection, happened: Iterable[tuple[str, int, str | None, str]]) -> None:
    """Tell of several things at once, in their order: of each its kind, build, job and text."""
    time = now(connection)
    names = ("kind", "build", "job", "text")
    rows = [{"time": time, **dict(zip(names, one, strict=True))} for one in happened]
    connection.execute(_INSERT, rows)


def since(connection: Connection, number: int, build: int | None = None, limit: int = 500) -> tuple[Event, ...]:
    """Return the events after `number`, oldest first, at most `limit`; of one build, where one is named."""
    query = sa.select(events).where(events.c.number > number).order_by(events.c.number).limit(limit)
    if build is not None:
        query = query.where(events.c.build == build)
    return tuple(Event(**row) for row in connection.execute(query).mappings())


def newest(connection: Connection) -> int:
    """Return the number of the newest event, 0 when nothing has happened yet."""
    return int(connection.execute(_NEWEST).scalar_one())
