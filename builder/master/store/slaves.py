"""SQL for slaves: the facts that each told when it connected last."""

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from builder.lifecycle import ATTEMPT_ENDS
from builder.master.store.schema import attempts, slaves
from builder.master.store.stamp import now
from builder.model.slave import HostFacts, Slave
from builder.wire import Hello


def save(connection: Connection, name: str, hello: Hello) -> None:
    """Store the facts that a slave tells, which replace those it told before."""
    row = {
        "channels": msgspec.json.encode(hello.channels).decode(),
        "architectures": msgspec.json.encode(hello.architectures).decode(),
        "capacity": hello.capacity,
        "facts": msgspec.json.encode(hello.facts).decode(),
        "seen": now(connection),
    }
    if not connection.execute(sa.update(slaves).where(slaves.c.name == name).values(row)).rowcount:
        connection.execute(sa.insert(slaves).values(row | {"name": name}))


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
