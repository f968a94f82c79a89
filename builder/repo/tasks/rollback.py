"""The operation `Rollback`: a new generation lists what an older one held."""

from collections.abc import Callable, Mapping

from typing_extensions import override

from builder.errors import ConflictError
from builder.model.operation import Rollback
from builder.model.repository import CauseKind
from builder.repo import layout
from builder.repo.archive import Archive
from builder.repo.draft import Draft, Drafts
from builder.repo.incoming import Delivered
from builder.repo.layout import Repository
from builder.repo.manifest import Cause, Listed, Manifest
from builder.repo.pool import Pool
from builder.repo.tasks.noted import Noted

_NAMED = 5
"""Most missing packages that a refusal names."""


class Rolling(Noted):
    """The operation `number`; see `builder.repo.tasks.task.Task`."""

    def __init__(self, number: int, operation: Rollback, archive: Callable[[Repository], Archive], pool: Pool) -> None:
        cause = Cause(
            number=number,
            kind=CauseKind.ROLLBACK,
            who=operation.who,
            reason=operation.reason,
            about=operation.generation,
        )
        super().__init__(cause)
        self._operation = operation
        self._archive = archive
        self._pool = pool

    def draft(self, drafts: Drafts) -> Mapping[str, Delivered]:
        """Withdraw packages that came since, list those that went, if all are there, and carry what was carried."""
        (home,) = self._homes()
        draft = drafts.existing(home)
        target = self._archive(home).read(self._operation.generation)
        self._check(draft, target)
        held = {package.nevra for package in target.packages}
        carried = {one.kind: one for one in target.carried}
        if held == draft.listed.keys() and carried == draft.carried:
            raise ConflictError(f"{home.path} holds what generation {target.generation} held already")
        draft.withdraw(self._cause, sorted(draft.listed.keys() - held), target.packages)
        draft.carried = carried
        return {}

    @override
    def _homes(self) -> tuple[Repository, ...]:
        return (layout.of_project(self._operation.project, self._operation.repository),)

    def _check(self, draft: Draft, target: Manifest) -> None:
        """Raise `ConflictError` if a package is gone, or its name has another content."""
        missing = [package.nevra for package in target.packages if not there(draft, package, self._pool)]
        if missing:
            more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
            raise ConflictError(
                f"generation {target.generation} of {target.repository} cannot come back: the files of"
                f" {', '.join(missing[:_NAMED])}{more} are gone"
            )


def there(draft: Draft, package: Listed, pool: Pool) -> bool:
    """Tell if a package of an older generation can be listed again; `ConflictError` where it is another one by now."""
    served = draft.served(package)
    return package.nevra in draft.listed or pool.has(served.sha256)
