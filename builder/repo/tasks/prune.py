"""The operation `Prune`: packages that a retention does not keep leave the repositories of all stages of a project.

A package that leaves the metadata stays on disk for as long as a generation that lists it can be read, and in the
pool for as long as another repository lists it. Only a package that nothing holds gives its space back.
"""

from collections.abc import Callable, Iterator, Mapping

from builder.model.findings import Finding, FindingKind, Findings, told
from builder.model.operation import Prune
from builder.model.project import Retention
from builder.model.repository import CauseKind
from builder.repo import answer
from builder.repo.answer import OperationAnswer
from builder.repo.archive import Archive
from builder.repo.draft import Drafts
from builder.repo.incoming import Delivered
from builder.repo.layout import Repository
from builder.repo.manifest import Cause, Listed, Manifest
from builder.repo.retention import Departures


class Pruning:
    """The operation `number`, carried out at the time `now`; `homes` are all repositories of its project.

    See `builder.repo.tasks.task.Task`.
    """

    def __init__(
        self,
        number: int,
        operation: Prune,
        homes: tuple[Repository, ...],
        archive: Callable[[Repository], Archive],
        now: float,
    ) -> None:
        self._operation = operation
        self._cause = Cause(number=number, kind=CauseKind.PRUNE, who=operation.who, reason=operation.reason)
        self._retention = operation.retention or Retention()
        self._homes = homes
        self._archive = archive
        self._now = now

    def answered(self, drafts: Drafts) -> OperationAnswer | None:
        """Return the answer if a manifest says that the operation was applied; a plan is answered at once."""
        manifests = {home: drafts.of(home).before for home in self._homes}
        if any(manifest.applied(self._cause) for manifest in manifests.values()):
            return self.finish(manifests)
        return answer.applied(self._cause.number, (), findings=self._plan(drafts)) if self._operation.plan else None

    def draft(self, drafts: Drafts) -> Mapping[str, Delivered]:
        """Remove, in the drafts of their repositories, the packages that the retention does not keep."""
        for home, departures in self._departures(drafts).items():
            if departures.going:
                drafts.of(home).add(self._cause, (), self._retention)
        return {}

    def finish(self, manifests: Mapping[Repository, Manifest]) -> OperationAnswer:
        """Return the answer, which says what has left; a prune leaves nothing to put away."""
        current = {home: manifests[home] for home in self._homes if home in manifests}
        entered = {home: there for home, manifest in current.items() if (there := manifest.applied(self._cause))}
        gone = {home: self._gone(home, there.generation) for home, there in entered.items()}
        left = [
            Finding(kind=FindingKind.REMOVED, subject=package.nevra, text=f"{home.path}: {package.size} bytes")
            for home, packages in gone.items()
            for package in packages
        ]
        findings = told([self._space(gone, current), *left])
        return answer.applied(self._cause.number, answer.generations(entered), findings=findings)

    def reject(self, reason: str) -> OperationAnswer:
        """Return the refusal; a prune leaves nothing to put away."""
        return answer.rejected(self._cause.number, reason)

    def _departures(self, drafts: Drafts) -> Mapping[Repository, Departures]:
        return {home: drafts.of(home).departures(self._retention, self._now) for home in self._homes}

    def _plan(self, drafts: Drafts) -> Findings:
        """Return findings on what would go, why, and what stays although it is old."""
        leaving = self._departures(drafts)
        gone = {home: tuple(one.package for one in departures.going) for home, departures in leaving.items()}
        manifests = {home: drafts.of(home).before for home in self._homes}
        going = [finding for home, departures in leaving.items() for finding in _going(home, departures)]
        return told([self._space(gone, manifests), *going])

    def _gone(self, home: Repository, generation: int) -> tuple[Listed, ...]:
        """Return the packages that the generation does not list any more."""
        archive = self._archive(home)
        listed = {package.nevra for package in archive.read(generation).packages}
        before = archive.read(generation - 1).packages if generation > 1 else ()
        return tuple(package for package in before if package.nevra not in listed)

    def _space(
        self, gone: Mapping[Repository, tuple[Listed, ...]], manifests: Mapping[Repository, Manifest]
    ) -> Finding:
        """Return the finding on the space that comes back in a day or more, once no generation lists the packages."""
        leaving = {package.sha256: package for packages in gone.values() for package in packages}
        held = {
            package.sha256
            for home, manifest in manifests.items()
            for package in (*manifest.packages, *manifest.leaving)
            if package.nevra not in {one.nevra for one in gone.get(home, ())} or _pinned(package, manifest)
        }
        sizes = [package.size for sha256, package in leaving.items() if sha256 not in held]
        text = f"{sum(sizes)} bytes return when no generation lists them, of {sum(map(len, gone.values()))} packages"
        stay = len(leaving) - len(sizes)
        more = f"; {stay} files stay, which a pinned generation or another repository needs" if stay else ""
        return Finding(kind=FindingKind.SPACE, subject=self._operation.project, text=text + more)


def _pinned(package: Listed, manifest: Manifest) -> bool:
    """Tell if a pinned generation lists the package."""
    return any(package.first <= pin.generation <= manifest.generation for pin in manifest.pins)


def _going(home: Repository, departures: Departures) -> Iterator[Finding]:
    for one in departures.going:
        text = f"{home.path}: {one.newer} newer versions, there for {one.days} days, {one.package.size} bytes"
        yield Finding(kind=FindingKind.GOES, subject=one.package.nevra, text=text)
    for kept in departures.needed:
        text = f"{home.path}: {kept.by} needs {kept.what} of it"
        yield Finding(kind=FindingKind.NEEDED, subject=kept.package.nevra, text=text)
