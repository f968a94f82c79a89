"""The protocol of a task: one operation while it is carried out."""

from collections.abc import Mapping
from typing import Protocol

from builder.repo.answer import OperationAnswer
from builder.repo.draft import Drafts
from builder.repo.incoming import Delivered
from builder.repo.layout import Repository
from builder.repo.manifest import Manifest


class Task(Protocol):
    """An operation while it is carried out; errors of its methods other than refusals are the farm's fault."""

    def answered(self, drafts: Drafts) -> OperationAnswer | None:
        """Return the answer to an operation that is done and not answered; None if it is not done."""

    def draft(self, drafts: Drafts) -> Mapping[str, Delivered]:
        """Enter all drafts that it concerns or, raising why not, none; return the packages it brings, by digest."""

    def finish(self, manifests: Mapping[Repository, Manifest]) -> OperationAnswer:
        """Put away what is not needed any more, now that these are the current manifests; return the answer."""

    def reject(self, reason: str) -> OperationAnswer:
        """Put away what will not be published; return the refusal."""
