"""SQL for slaves: the facts that each told when it connected last, and which are lost."""

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from builder.lifecycle import ATTEMPT_ENDS
from builder.master.store import events
from builder.master.store.schema import attempts, slaves
from builder.master.store.stamp import now
from builder.model.event import EventKind, Subject
from builder.model.slave import HostFacts, Slave
from builder.wire import Hello


def save(connection: Connection, name: str, hello: Hello) -> None:
    """Store the facts that a slave tells, which replace those it told before.

    A slave that was never there before makes an event, and so does one that was lost.
    """
    row = {
        "channels": msgspec.json.encode(hello.channels).decode(),
        "architectures": msgspec.json.encode(hello.architectures).decode(),
        "capacity": hello.capacity,
        "facts": msgspec.json.encode(hello.facts).decode(),
        "seen": now(connection),
        "lost": False,
    }
    lost = connection.execute(sa.select(slaves.c.lost).where(slaves.c.name == name)).scalar_one_or_none()
    if lost is None:
        connection.execute(sa.insert(slaves).values(row | {"name": name}))
        events.record(connection, EventKind.SLAVE_SEEN, Subject(slave=name), hello.facts.hostname)
    else:
        connection.execute(sa.update(slaves).where(slaves.c.name == name).values(row))
    if lost:
        events.record(connection, EventKind.SLAVE_RETURNED, Subject(slave=name), hello.facts.hostname)


def lose(connection: Connection, name: str, reason: str) -> None:
    """Note, and tell, that a slave is lost, unless it is already."""
    present = sa.update(slaves).where(slaves.c.name == name, ~slaves.c.lost)
    if connection.execute(present.values(lost=True)).rowcount:
        events.record(connection, EventKind.SLAVE_LOST, Subject(slave=name), reason)


def present(connection: Connection) -> tuple[str, ...]:
    """Return the names of the slaves that were there and are not lost; no other has an attempt that has not ended."""
    return tuple(connection.execute(sa.select(slaves.c.name).where(~slaves.c.lost).order_by(slaves.c.name)).scalars())


def saw(connection: Connection, name: str) -> None:
    """Note that a slave was there until now."""
    connection.execute(sa.update(slaves).where(slaves.c.name == name).values(seen=now(connection)))


def every(connection: Connection) -> tuple[Slave, ...]:
    """Return all slaves that ever connected, by name, as if none were connected now."""
    ends = [end.value for end in ATTEMPT_ENDS]
    busy = sa.select(sa.func.count()).where(attempts.c.slave == slaves.c.name, attempts.c.state.not_in(ends))
    query = sa.select(slaves, busy.scalar_subquery().label("busy")).order_by(slaves.c.name)
    return tuple(
        Slave(
            name=row.name,
            connected=False,
            channels=msgspec.json.decode(row.channels, type=tuple[str, ...]),
            architectures=msgspec.json.decode(row.architectures, type=tuple[str, ...]),
            capacity=row.capacity,
            busy=row.busy,
            seen=row.seen,
            facts=msgspec.json.decode(row.facts, type=HostFacts),
        )
        for row in connection.execute(query)
    )
