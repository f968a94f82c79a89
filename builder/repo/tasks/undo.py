"""The operation `Undo`: all that one operation has brought is taken back from all its repositories, in one switch."""

from collections.abc import Callable, Iterable, Mapping

from typing_extensions import override

from builder import nevra
from builder.errors import ConflictError, InvalidError, NotFoundError
from builder.model.operation import CarriedKind, Undo
from builder.model.repository import CauseKind
from builder.repo.archive import Archive
from builder.repo.draft import Draft, Drafts
from builder.repo.incoming import Delivered
from builder.repo.layout import Repository
from builder.repo.manifest import Carried, Cause, Entered, Further, Listed, Manifest
from builder.repo.pool import Pool
from builder.repo.tasks.noted import Noted
from builder.repo.tasks.rollback import there

_BRINGING = frozenset({CauseKind.PUBLISH, CauseKind.PROMOTE, CauseKind.CARRY})
"""The kinds of operations that can be taken back."""
_ROLLED = frozenset({CauseKind.PRUNE, CauseKind.ROLLBACK})
"""The kinds of operations that a rollback takes back."""


class Undoing(Noted):
    """The operation `number`; see `builder.repo.tasks.task.Task`. `homes` are all repositories of its project."""

    def __init__(
        self,
        number: int,
        operation: Undo,
        homes: tuple[Repository, ...],
        archive: Callable[[Repository], Archive],
        pool: Pool,
    ) -> None:
        kind, who, reason = CauseKind.UNDO, operation.who, operation.reason
        super().__init__(Cause(number=number, kind=kind, who=who, reason=reason, about=operation.number))
        self._operation = operation
        self._all = homes
        self._archive = archive
        self._pool = pool

    def draft(self, drafts: Drafts) -> Mapping[str, Delivered]:
        """Take packages, or a file, out of all repositories or, raising why not, of none."""
        brought = {home: entered for home in self._all if (entered := self._entered(drafts.of(home)))}
        if not brought:
            raise NotFoundError(
                f"no repository of {self._operation.project} knows of an operation {self._operation.number}: "
                "a repository knows its newest ones; go back further by a rollback"
            )
        taken = {home: taken_back(drafts.of(home), entered) for home, entered in brought.items()}
        carrying = {home: file for home, entered in brought.items() if (file := file_of(drafts.of(home), entered))}
        listed = [
            name for home, entered in brought.items() for name in entered.published if name in drafts.of(home).listed
        ]
        if not carrying and not listed:
            raise ConflictError(f"nothing that operation {self._operation.number} brought is there any more")
        restored = {home: self._restored(home, drafts.of(home), brought[home], names) for home, names in taken.items()}
        for home, names in taken.items():  # also none, where others brought them too: these are then the last
            drafts.of(home).withdraw(self._cause, names, restored[home])
        for home, file in carrying.items():
            drafts.of(home).carry(self._cause, file.kind, self._carried_before(home, brought[home], file.kind))
        return {}

    @override
    def _homes(self) -> tuple[Repository, ...]:
        return self._all

    def _entered(self, draft: Draft) -> Entered | None:
        """Return the entry of the operation in a repository; `InvalidError` if its kind is not taken back."""
        entered = draft.before.entered(self._operation.number)
        if entered is not None and entered.kind not in _BRINGING:
            instead = f": roll {draft.before.repository} back to generation {entered.generation - 1} instead"
            raise InvalidError(
                f"operation {entered.number} is a {entered.kind.value}, and only what was published, promoted or"
                f" carried is taken back{instead if entered.kind in _ROLLED else ''}"
            )
        return entered

    def _restored(self, home: Repository, draft: Draft, entered: Entered, taken: Iterable[str]) -> list[Listed]:
        """Return the packages that the operation superseded, as far as they are there and nobody has withdrawn them."""
        if entered.generation == 1:
            return []
        archive = self._archive(home)
        left = superseded_by(taken, archive.read(entered.generation - 1), archive.read(entered.generation))
        return [
            package for package in left if package.nevra not in draft.excluded and there(draft, package, self._pool)
        ]

    def _carried_before(self, home: Repository, entered: Entered, kind: CarriedKind) -> Carried | None:
        """Return the file of this kind that the operation superseded."""
        if entered.generation == 1:
            return None
        before = self._archive(home).read(entered.generation - 1)
        return next((one for one in before.carried if one.kind == kind), None)


def file_of(draft: Draft, entered: Entered) -> Further | None:
    """Return the further file that an operation brought, if it is there and no later operation brought it too."""
    if entered.carried is None:
        return None
    there = draft.carried.get(entered.carried.kind)
    if entered.carried.sha256 != (there.sha256 if there else None):
        return None
    again = any(other.number > entered.number and other.carried == entered.carried for other in _standing(draft))
    return None if again else entered.carried


def taken_back(draft: Draft, entered: Entered) -> tuple[str, ...]:
    """Return the listed NEVRAs that an operation brought, without those that another standing operation brought too."""
    stands = {name for other in _standing(draft) if other.number != entered.number for name in other.published}
    return tuple(name for name in entered.published if name in draft.listed and name not in stands)


def _standing(draft: Draft) -> list[Entered]:
    """Return the operations that brought something and were not taken back."""
    operations = draft.before.operations
    undone = {other.about for other in operations if other.kind is CauseKind.UNDO}
    return [other for other in operations if other.kind in _BRINGING and other.number not in undone]


def superseded_by(taken: Iterable[str], before: Manifest, after: Manifest) -> list[Listed]:
    """Return the packages of the names in `taken` that left when `after` followed `before`."""
    names = {_name(one) for one in taken}
    listed = {package.nevra for package in after.packages}
    return [package for package in before.packages if package.nevra not in listed and _name(package.nevra) in names]


def _name(text: str) -> tuple[str, str]:
    package = nevra.parse(text)
    return package.name, package.architecture
