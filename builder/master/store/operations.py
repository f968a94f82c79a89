"""SQL for operations of the repository builder, kept until it has applied or rejected them."""

from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection, Row

from builder.errors import NotFoundError
from builder.master.store.schema import operations
from builder.master.store.stamp import now
from builder.model.findings import Findings
from builder.model.operation import AnyOperation, NumberedOperation, OperationShown, OperationState, PublishedIn
from builder.wire import Applied, Rejected

WAITING: Final = OperationState.WAITING.value
APPLIED: Final = OperationState.APPLIED.value
REJECTED: Final = OperationState.REJECTED.value

_INSERT = sa.insert(operations).returning(operations.c.number)
_RANKED = (
    sa.select(operations.c.number, operations.c.operation)
    .add_columns(sa.func.row_number().over(partition_by=operations.c.project, order_by=operations.c.number).label("at"))
    .where(operations.c.state == WAITING)
    .subquery()
)
_WAITING = (
    sa.select(_RANKED.c.number, _RANKED.c.operation)
    .where(_RANKED.c["at"] <= sa.bindparam("limit"))
    .order_by(_RANKED.c.number)
)
_NEWEST = sa.select(operations).order_by(operations.c.number.desc())


def insert(connection: Connection, operation: AnyOperation, job_id: int | None = None, who: str = "") -> int:
    """Store an operation; it is sent to the repository builder once this transaction is committed.

    Returns:
        The operation's number.
    """
    row = {
        "project": operation.project,
        "job_id": job_id,
        "operation": msgspec.json.encode(operation).decode(),
        "state": WAITING,
        "requested_by": who,
        "created": now(connection),
    }
    return int(connection.execute(_INSERT, row).scalar_one())


def one(connection: Connection, number: int) -> OperationShown:
    """Return an operation.

    Raises:
        NotFoundError: There is no operation of that number.
    """
    row = connection.execute(sa.select(operations).where(operations.c.number == number)).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no operation {number}; `builder repo operations` shows those there are")
    return _shown(row)


def newest_first(
    connection: Connection, limit: int, before: int | None = None, project: str | None = None
) -> tuple[OperationShown, ...]:
    """Return the newest operations: at most `limit`, older than `before`, of one project."""
    query = _NEWEST.limit(limit)
    if before is not None:
        query = query.where(operations.c.number < before)
    if project is not None:
        query = query.where(operations.c.project == project)
    return tuple(_shown(row) for row in connection.execute(query))


def _shown(row: Row[Any]) -> OperationShown:
    return OperationShown(
        number=row.number,
        kind=msgspec.json.decode(row.operation)["type"],
        project=row.project,
        state=OperationState(row.state),
        reason=row.reason,
        requested_by=row.requested_by,
        requested=row.created,
        finished=row.finished,
        generations=msgspec.json.decode(row.generations, type=tuple[PublishedIn, ...]),
        findings=msgspec.json.decode(row.findings, type=Findings),
    )


def waiting(connection: Connection, limit: int) -> tuple[NumberedOperation, ...]:
    """Return the operations that are neither applied nor rejected, in the order of their numbers, at most `limit`."""
    return tuple(
        NumberedOperation(number=row.number, operation=msgspec.json.decode(row.operation, type=AnyOperation))
        for row in connection.execute(_WAITING, {"limit": limit})
    )


def applied(connection: Connection, answer: Applied) -> int | None:
    """Note that a waiting operation is done.

    Returns:
        The job that it published; None if it was not waiting any more, or publishes none.

    Raises:
        NotFoundError: There is no operation of that number.
    """
    generations = msgspec.json.encode(answer.generations).decode()
    return _answered(connection, answer, state=APPLIED, generations=generations)


def rejected(connection: Connection, answer: Rejected) -> int | None:
    """Note the reason why a waiting operation was refused; see `applied`."""
    return _answered(connection, answer, state=REJECTED, reason=answer.reason)


def _answered(connection: Connection, answer: Applied | Rejected, **values: str) -> int | None:
    findings = msgspec.json.encode(answer.findings).decode()
    statement = (
        sa.update(operations)
        .where(operations.c.number == answer.number, operations.c.state == WAITING)
        .values(finished=now(connection), findings=findings, **values)
        .returning(operations.c.job_id)
    )
    row = connection.execute(statement).one_or_none()
    if row is not None:
        return None if row.job_id is None else int(row.job_id)
    if not connection.execute(sa.select(sa.exists().where(operations.c.number == answer.number))).scalar_one():
        raise NotFoundError(f"there is no operation {answer.number}")
    return None
