"""Operations of which the manifests alone say whether they were applied: they bring nothing, and put nothing away."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from builder.repo import answer
from builder.repo.answer import OperationAnswer
from builder.repo.draft import Drafts
from builder.repo.layout import Repository
from builder.repo.manifest import Cause, Manifest


class Noted(ABC):
    """A task whose operation is noted in the manifests, and nowhere else; see `builder.repo.tasks.task.Task`.

    Each class of such operations has a `draft` of its own.
    """

    def __init__(self, cause: Cause) -> None:
        self._cause = cause

    @abstractmethod
    def _homes(self) -> tuple[Repository, ...]:
        """Return the repositories that may be concerned; `InvalidError` if the operation names none of its project."""

    def answered(self, drafts: Drafts) -> OperationAnswer | None:
        """Return the answer if a manifest says that the operation was applied."""
        entered = {home: drafts.of(home).before.applied(self._cause) for home in self._homes()}
        return answer.changed(self._cause.number, entered) if any(entered.values()) else None

    def finish(self, manifests: Mapping[Repository, Manifest]) -> OperationAnswer:
        """Return the answer from the manifests; such an operation leaves nothing to put away."""
        entered = {home: manifests[home].applied(self._cause) for home in self._homes()}
        return answer.changed(self._cause.number, entered)

    def reject(self, reason: str) -> OperationAnswer:
        """Return the refusal; such an operation leaves nothing to put away."""
        return answer.rejected(self._cause.number, reason)
