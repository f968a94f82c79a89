"""The operation `Rebuild`: missing or damaged parts of a repository are made anew; its content stays what it is."""

from collections.abc import Callable, Mapping

from builder.model.findings import Finding, FindingKind, told
from builder.model.operation import Rebuild
from builder.repo import answer, layout
from builder.repo.answer import OperationAnswer
from builder.repo.draft import Drafts
from builder.repo.incoming import Delivered
from builder.repo.layout import Repository
from builder.repo.manifest import Manifest


class Rebuilding:
    """The operation `number`; see `builder.repo.tasks.task.Task`. `rebuild` returns what it had to make anew.

    It changes no content and is noted in no manifest: given again, it finds nothing left to do.
    """

    def __init__(self, number: int, operation: Rebuild, rebuild: Callable[[Repository], tuple[str, ...]]) -> None:
        self._number = number
        self._operation = operation
        self._rebuild = rebuild
        self._made: tuple[str, ...] = ()

    def answered(self, drafts: Drafts) -> OperationAnswer | None:
        """Return None: the repository is looked at each time."""

    def draft(self, drafts: Drafts) -> Mapping[str, Delivered]:  # noqa: ARG002 - a damaged repository has no draft
        """Make the repository whole at once, since nothing else can be done with it before."""
        self._made = self._rebuild(layout.of_project(self._operation.project, self._operation.repository))
        return {}

    def finish(self, manifests: Mapping[Repository, Manifest]) -> OperationAnswer:  # noqa: ARG002 - they stay
        """Return the answer, which says what was made anew."""
        name = self._operation.repository
        findings = [Finding(kind=FindingKind.REBUILT, subject=place, text=name) for place in self._made]
        whole = Finding(kind=FindingKind.WHOLE, subject=name, text="there was nothing to mend")
        return answer.applied(self._number, (), findings=told(findings or [whole]))

    def reject(self, reason: str) -> OperationAnswer:
        """Return the refusal; a repair leaves nothing to put away."""
        return answer.rejected(self._number, reason)
