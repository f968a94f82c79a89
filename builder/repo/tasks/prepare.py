"""The operation `Prepare`: all repositories of a project get a first generation, which is empty."""

from collections.abc import Mapping

from builder.model.operation import Prepare, PublishedIn
from builder.model.repository import CauseKind
from builder.repo import answer, layout
from builder.repo.answer import OperationAnswer
from builder.repo.draft import Drafts
from builder.repo.incoming import Delivered
from builder.repo.layout import Repository
from builder.repo.manifest import Cause, Manifest


class Preparing:
    """The operation `number`; see `builder.repo.tasks.task.Task`."""

    def __init__(self, number: int, operation: Prepare) -> None:
        self._number = number
        self._operation = operation

    def answered(self, drafts: Drafts) -> OperationAnswer | None:
        """Return None: the repositories are looked at each time, and those that are there are left as they are."""

    def draft(self, drafts: Drafts) -> Mapping[str, Delivered]:
        """Begin the repositories that are not there."""
        for draft in [drafts.of(repository) for repository in self._homes()]:
            if draft.before.generation == 0:
                draft.add(Cause(number=self._number, kind=CauseKind.PREPARE), ())
        return {}

    def finish(self, manifests: Mapping[Repository, Manifest]) -> OperationAnswer:
        """Return the answer: the generation that each repository is in."""
        generations = []
        for repository in self._homes():
            entered = manifests[repository].entered(self._number)
            generation = entered.generation if entered else manifests[repository].generation
            generations.append(PublishedIn(repository=repository.path, generation=generation))
        return answer.applied(self._number, generations)

    def reject(self, reason: str) -> OperationAnswer:
        """Return the refusal; an empty generation leaves nothing to put away."""
        return answer.rejected(self._number, reason)

    def _homes(self) -> tuple[Repository, ...]:
        operation = self._operation
        homes = (
            layout.repositories(operation.project, stage, chroot)
            for stage in operation.stages
            for chroot in operation.chroots
        )
        return tuple(dict.fromkeys(repository for group in homes for repository in group))
