"""Carrying out `Pin`: a generation stays readable, or need not any more; the next generation's manifest says so."""

from collections.abc import Mapping

from builder.model.operation import Pin
from builder.repo import answer, layout
from builder.repo.answer import Answer
from builder.repo.draft import Drafts
from builder.repo.incoming import Delivered
from builder.repo.layout import Repository
from builder.repo.manifest import Cause, Manifest


class Pinning:
    """The operation `number`; see `builder.repo.operations.Task`."""

    def __init__(self, number: int, order: Pin) -> None:
        self._order = order
        kind = "pin" if order.pinned else "unpin"
        self._cause = Cause(number=number, kind=kind, who=order.who, reason=order.reason, about=order.generation)

    def answered(self, drafts: Drafts) -> Answer | None:
        """The manifest says whether it was applied."""
        entered = drafts.of(self._home()).before.applied(self._cause)
        return answer.changed(self._cause.number, {self._home(): entered}) if entered else None

    def draft(self, drafts: Drafts) -> Mapping[str, Delivered]:
        """Pin or unpin it, if that can be done."""
        drafts.existing(self._home()).pin(self._cause, self._order.generation, pinned=self._order.pinned)
        return {}

    def finish(self, manifests: Mapping[Repository, Manifest]) -> Answer:
        """Nothing was delivered that had to be put away."""
        entered = manifests[self._home()].entered(self._cause.number)
        return answer.changed(self._cause.number, {self._home(): entered} if entered else {})

    def reject(self, reason: str) -> Answer:
        """There is nothing to put away."""
        return answer.rejected(self._cause.number, reason)

    def _home(self) -> Repository:
        return layout.of_project(self._order.project, self._order.repository)
