"""The operation `Drop`: a rejected delivery, which somebody has looked at, goes before its time."""

from collections.abc import Mapping
from pathlib import Path

from builder.errors import InvalidError
from builder.model.findings import Finding, FindingKind, told
from builder.model.operation import Drop
from builder.repo import answer
from builder.repo.answer import OperationAnswer
from builder.repo.draft import Drafts
from builder.repo.incoming import Delivered
from builder.repo.layout import Repository
from builder.repo.manifest import Manifest
from builder.repo.rejected import Dropped, RejectedDeliveries


class Dropping:
    """The operation `number`, which removes by way of `waste`; see `builder.repo.tasks.task.Task`."""

    def __init__(self, number: int, operation: Drop, rejected: RejectedDeliveries, waste: Path) -> None:
        self._number = number
        self._operation = operation
        self._rejected = rejected
        self._waste = waste
        self._dropped = rejected.dropped(number, operation.rejected)

    def answered(self, _: Drafts) -> OperationAnswer | None:
        """Return the answer if the drop is remembered; remove the rest of the delivery, if there is any."""
        return None if self._dropped is None else self._drop(self._dropped)

    def draft(self, _: Drafts) -> Mapping[str, Delivered]:
        """Check that the delivery is there, and the project's."""
        self._look()
        return {}

    def finish(self, _: Mapping[Repository, Manifest]) -> OperationAnswer:
        """Remove the delivery."""
        return self._drop(self._look())

    def reject(self, reason: str) -> OperationAnswer:
        """Return the refusal; a drop leaves nothing to put away."""
        return answer.rejected(self._number, reason)

    def _look(self) -> Dropped:
        name = self._operation.rejected
        delivery = self._rejected.show(name)
        if delivery.project != self._operation.project:
            raise InvalidError(f"{name} is of the project {delivery.project}, not of {self._operation.project}")
        size = sum(file.size for file in delivery.files)
        return Dropped(operation=self._number, name=name, text=f"{len(delivery.files)} files, {size} bytes")

    def _drop(self, dropped: Dropped) -> OperationAnswer:
        self._rejected.drop(dropped, self._waste)
        findings = told([Finding(kind=FindingKind.DROPPED, subject=dropped.name, text=dropped.text)])
        return answer.applied(self._number, (), findings=findings)
