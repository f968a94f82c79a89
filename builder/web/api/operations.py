"""Operations over the API: orders of people to the repository builder, and their outcomes."""

from typing import Annotated

import msgspec

from builder.master.operations import Operations
from builder.model import Label, Value
from builder.model.operation import AnyOperation, OperationShown
from builder.web.api.builds import Number
from builder.web.visit import Visit


class ListOperations(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The request for the newest operations, or those older than `before`; of one project, where it is named."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 50
    before: Number | None = None
    project: Label | None = None


class RequestOperation(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The request for an operation of the repository builder."""

    body: AnyOperation


class ShowOperation(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The request for an operation as it is."""

    number: Number


class OperationsApi:
    """The routes `/api/v1/operations`."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    async def listing(self, asked: ListOperations, _: Visit) -> tuple[OperationShown, ...]:
        """Return the operations, newest first."""
        return await self._operations.listing(limit=asked.limit, before=asked.before, project=asked.project)

    async def request(self, asked: RequestOperation, visit: Visit) -> OperationShown:
        """Request an operation in the name of the visitor; return it as it waits."""
        return await self._operations.request(asked.body, visit.visitor)

    async def show(self, asked: ShowOperation, _: Visit) -> OperationShown:
        """Return an operation with its outcome."""
        return await self._operations.show(asked.number)
