"""SQL for operations of the repository builder, kept until it has applied or rejected them."""

from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection, Row

from builder.errors import NotFoundError
from builder.master.decisions import event
from builder.master.store import events
from builder.master.store.schema import operations
from builder.master.store.stamp import now
from builder.model.event import EventKind, Subject
from builder.model.findings import Findings
from builder.model.operation import (
    AnyOperation,
    NumberedOperation,
    OperationKind,
    OperationShown,
    OperationState,
    Publish,
    PublishedIn,
)
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

    One that a person asks for is told; what the farm asks for follows from something that was told.

    Returns:
        The operation's number.
    """
    row = {
        "project": operation.project,
        "job_id": job_id,
        "operation": _json(operation),
        "state": WAITING,
        "requested_by": who,
        "created": now(connection),
    }
    number = int(connection.execute(_INSERT, row).scalar_one())
    if who:
        subject = Subject(project=operation.project, operation=number, who=who)
        events.record(connection, EventKind.OPERATION_REQUESTED, subject, event.requested(operation))
    return number


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
        kind=OperationKind(msgspec.json.decode(row.operation)["type"]),
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
        NumberedOperation(number=row.number, operation=_operation(row.operation))
        for row in connection.execute(_WAITING, {"limit": limit})
    )


def applied(connection: Connection, answer: Applied) -> int | None:
    """Note that a waiting operation is done.

    Returns:
        The job that it published; None if it was not waiting any more, or publishes none.

    Raises:
        NotFoundError: There is no operation of that number.
    """
    row = _answered(connection, answer, {"state": APPLIED, "generations": _json(answer.generations)})
    if row is None:
        return None
    operation = _operation(row.operation)
    kind, text = event.applied(operation, answer.published, changed=bool(answer.generations))
    events.record(connection, kind, _subject(answer.number, operation), text)
    return None if row.job_id is None else int(row.job_id)


def rejected(connection: Connection, answer: Rejected) -> int | None:
    """Note the reason why a waiting operation was refused; see `applied`."""
    row = _answered(connection, answer, {"state": REJECTED, "reason": answer.reason})
    if row is None:
        return None
    operation = _operation(row.operation)
    text = event.rejected(operation, answer.reason)
    events.record(connection, EventKind.OPERATION_REJECTED, _subject(answer.number, operation), text)
    return None if row.job_id is None else int(row.job_id)


def _answered(connection: Connection, answer: Applied | Rejected, values: dict[str, str]) -> Row[Any] | None:
    statement = (
        sa.update(operations)
        .where(operations.c.number == answer.number, operations.c.state == WAITING)
        .values(finished=now(connection), findings=_json(answer.findings), **values)
        .returning(operations.c.job_id, operations.c.operation)
    )
    row = connection.execute(statement).one_or_none()
    there = sa.select(sa.exists().where(operations.c.number == answer.number))
    if row is None and not connection.execute(there).scalar_one():
        raise NotFoundError(f"there is no operation {answer.number}")
    return row


def _subject(number: int, operation: AnyOperation) -> Subject:
    subject = Subject(project=operation.project, operation=number, who=operation.who or None)
    if isinstance(operation, Publish):
        return msgspec.structs.replace(subject, build=operation.build, job=operation.job)
    return subject


def _operation(text: str) -> AnyOperation:
    operation: AnyOperation = msgspec.json.decode(text, type=AnyOperation)
    return operation


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
