"""SQL for operations: the orders to the repository builder, kept until it has applied or rejected them."""

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from builder.clock import wall_time
from builder.master.store.schema import operations
from builder.model.operation import Prepare, Publish


def order(connection: Connection, what: Publish | Prepare, job_id: int | None = None) -> int:
    """Write down an order for the repository builder; it is sent once this transaction is committed.

    Returns:
        The operation's number.
    """
    row = {
        "project": what.project,
        "job_id": job_id,
        "order": msgspec.json.encode(what).decode(),
        "state": "waiting",
        "created": wall_time(),
    }
    return int(connection.execute(sa.insert(operations).values(row).returning(operations.c.number)).scalar_one())
