"""Operations over the API: what people ask of the repository builder, and what became of it."""

from typing import Annotated

import msgspec

from builder.master.operations import Operations
from builder.model import Label, Value
from builder.model.operation import AnyOperation, OperationShown
from builder.web.api.builds import Number
from builder.web.visit import Visit


class ListOperations(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The newest operations, or those older than the operation `before`; of one project, where it is named."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 50
    before: Number | None = None
    project: Label | None = None


class RequestOperation(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask the repository builder for an operation."""

    body: AnyOperation


class ShowOperation(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One operation."""

    number: Number


class OperationsApi:
    """`/api/v1/operations`."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    async def listing(self, asked: ListOperations, _: Visit) -> tuple[OperationShown, ...]:
        """The operations, newest first."""
        return await self._operations.listing(limit=asked.limit, before=asked.before, project=asked.project)

    async def request(self, asked: RequestOperation, visit: Visit) -> OperationShown:
        """Ask in the name of the visitor; the answer is the operation as it waits."""
        return await self._operations.request(asked.body, visit.visitor)

    async def show(self, asked: ShowOperation, _: Visit) -> OperationShown:
        """An operation and what became of it."""
        return await self._operations.show(asked.number)
