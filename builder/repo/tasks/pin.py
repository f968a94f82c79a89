"""The operation `Pin`: a generation stays readable, or need not any more; the next generation's manifest says so."""

from collections.abc import Mapping

from typing_extensions import override

from builder.model.operation import Pin
from builder.model.repository import CauseKind
from builder.repo import layout
from builder.repo.draft import Drafts
from builder.repo.incoming import Delivered
from builder.repo.layout import Repository
from builder.repo.manifest import Cause
from builder.repo.tasks.noted import Noted


class Pinning(Noted):
    """The operation `number`; see `builder.repo.tasks.task.Task`."""

    def __init__(self, number: int, operation: Pin) -> None:
        kind = CauseKind.PIN if operation.pinned else CauseKind.UNPIN
        super().__init__(
            Cause(number=number, kind=kind, who=operation.who, reason=operation.reason, about=operation.generation)
        )
        self._operation = operation

    def draft(self, drafts: Drafts) -> Mapping[str, Delivered]:
        """Pin or unpin the generation, if that can be done."""
        (home,) = self._homes()
        drafts.existing(home).pin(self._cause, self._operation.generation, pinned=self._operation.pinned)
        return {}

    @override
    def _homes(self) -> tuple[Repository, ...]:
        return (layout.of_project(self._operation.project, self._operation.repository),)
