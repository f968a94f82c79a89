"""SQL for operations: the orders to the repository builder, kept until it has applied or rejected them."""

from collections.abc import Sequence
from typing import Final

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from builder.clock import wall_time
from builder.errors import NotFoundError
from builder.master.store.schema import operations
from builder.model.operation import Operation, Prepare, Publish, PublishedIn

WAITING: Final = "waiting"
APPLIED: Final = "applied"
REJECTED: Final = "rejected"

_WAITING = (
    sa.select(operations.c.number, operations.c.order)
    .where(operations.c.state == WAITING)
    .order_by(operations.c.number)
    .limit(sa.bindparam("limit"))
)


def order(connection: Connection, what: Publish | Prepare, job_id: int | None = None) -> int:
    """Write down an order for the repository builder; it is sent once this transaction is committed.

    Returns:
        The operation's number.
    """
    row = {
        "project": what.project,
        "job_id": job_id,
        "order": msgspec.json.encode(what).decode(),
        "state": WAITING,
        "created": wall_time(),
    }
    return int(connection.execute(sa.insert(operations).values(row).returning(operations.c.number)).scalar_one())


def waiting(connection: Connection, limit: int) -> tuple[Operation, ...]:
    """The operations that are neither applied nor rejected, in the order of their numbers, at most `limit`."""
    return tuple(
        Operation(number=row.number, order=msgspec.json.decode(row.order, type=Publish | Prepare))
        for row in connection.execute(_WAITING, {"limit": limit})
    )


def applied(connection: Connection, number: int, generations: Sequence[PublishedIn]) -> int | None:
    """Note that a waiting operation is in these generations.

    Returns:
        The job that it published; None if it was not waiting any more, or publishes none.

    Raises:
        NotFoundError: There is no operation of that number.
    """
    return _answered(connection, number, state=APPLIED, generations=msgspec.json.encode(generations).decode())


def rejected(connection: Connection, number: int, reason: str) -> int | None:
    """Note why a waiting operation was refused; see `applied`."""
    return _answered(connection, number, state=REJECTED, reason=reason)


def _answered(connection: Connection, number: int, **values: str) -> int | None:
    statement = (
        sa.update(operations)
        .where(operations.c.number == number, operations.c.state == WAITING)
        .values(finished=wall_time(), **values)
        .returning(operations.c.job_id)
    )
    row = connection.execute(statement).one_or_none()
    if row is not None:
        return None if row.job_id is None else int(row.job_id)
    if not connection.execute(sa.select(sa.exists().where(operations.c.number == number))).scalar_one():
        raise NotFoundError(f"there is no operation {number}")
    return None
