"""Operations of which the manifests alone say whether they were applied: they bring nothing, and put nothing away."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from builder.repo import answer
from builder.repo.answer import Answer
from builder.repo.draft import Drafts
from builder.repo.layout import Repository
from builder.repo.manifest import Cause, Manifest


class Noted(ABC):
    """What those have in common; see `builder.repo.tasks.task.Task`, of which `draft` is their own."""

    def __init__(self, cause: Cause) -> None:
        self._cause = cause

    @abstractmethod
    def _homes(self) -> tuple[Repository, ...]:
        """The repositories that may be concerned; `InvalidError` if the operation names none of its project."""

    def answered(self, drafts: Drafts) -> Answer | None:
        """The manifests say whether it was applied."""
        entered = {home: drafts.of(home).before.applied(self._cause) for home in self._homes()}
        return answer.changed(self._cause.number, entered) if any(entered.values()) else None

    def finish(self, manifests: Mapping[Repository, Manifest]) -> Answer:
        """Nothing was delivered that had to be put away."""
        entered = {home: manifests[home].applied(self._cause) for home in self._homes()}
        return answer.changed(self._cause.number, entered)

    def reject(self, reason: str) -> Answer:
        """There is nothing to put away."""
        return answer.rejected(self._cause.number, reason)
