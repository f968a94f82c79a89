"""Drafts: the changes that operations which are carried out together will make to one repository.

Everything is decided here, from the manifest of the current generation alone, before anything is written.
"""

from collections.abc import Callable, Iterable, Mapping

import msgspec

from builder.errors import ConflictError, NotFoundError
from builder.model.findings import Findings
from builder.model.operation import CarriedKind
from builder.model.project import Retention
from builder.repo.layout import Repository
from builder.repo.manifest import Advisory, Carried, Cause, Entered, Further, Leaving, Listed, Manifest, Past, Pinned
from builder.repo.retention import Departures, Facts, departures
from builder.repo.thinning import readable

REMEMBERED = 1000
"""Number of applied operations that a manifest carries: more than ever wait for an answer together."""


class Draft:
    """The generation after `before` while operations have their say in it, one after the other.

    Attributes:
        before: The manifest of the current generation.
        listed: The packages that the next one will list, by NEVRA, if nothing else is said.
        excluded: The NEVRAs that do not come back by themselves.
        carried: The further files of the metadata, by kind.

    `facts` says what packages require and provide.
    """

    def __init__(self, before: Manifest, facts: Facts) -> None:
        self.before = before
        self._facts = facts
        self.listed = {package.nevra: package for package in before.packages}
        self.excluded = set(before.excluded)
        self._known = {_file_name(package): package for package in before.files().values()}
        self._pins = {pin.generation: pin for pin in before.pins}
        self.carried = {one.kind: one for one in before.carried}
        self._advisories = list(before.advisories)
        self._entered: dict[int, Entered] = {}
        self._retentions: list[Retention] = []

    def has(self, operation: int, packages: Iterable[Listed]) -> bool:
        """Tell if the repository has applied `operation`, which brings these packages.

        Where the number is there with other packages, it was given twice: the master's database was set back.
        """
        entered = self.before.entered(operation)
        return entered is not None and entered.published == tuple(package.nevra for package in packages)

    def check(self, packages: Iterable[Listed], *, readmit: bool = False) -> None:
        """Raise `ConflictError` if a package has other content than clients know under its name, or was withdrawn.

        A package that was withdrawn passes if it is to be readmitted.
        """
        for package in packages:
            known = self._known.get(_file_name(package), package)
            if known.built != package.built and not known.same_source(package):
                raise ConflictError(
                    f"{package.nevra} is already in {self.before.repository} with other content, from build"
                    f" {known.build}: a new build needs a new version or release"
                )
            if package.nevra in self.excluded and not readmit:
                raise ConflictError(
                    f"{package.nevra} was in {self.before.repository} already and has been withdrawn: a new build needs"
                    " a new version or release"
                )

    def add(
        self,
        cause: Cause,
        packages: Iterable[Listed],
        retention: Retention | None = None,
        findings: Findings = Findings(),  # noqa: B008 - it is frozen
    ) -> None:
        """Add the packages of an operation, which were checked before; its retention then says which packages leave.

        The packages that come are excluded no longer.
        """
        brought = tuple(packages)
        self._enter(cause, brought, findings=findings)
        if retention is not None:
            self._retentions.append(retention)
        for package in brought:
            self._list(package, cause.number)

    def advise(self, advisory: Advisory) -> None:
        """Carry an advisory for as long as one of its packages is listed."""
        self._advisories.append(advisory)

    def carry(self, cause: Cause, kind: CarriedKind, carried: Carried | None) -> None:
        """Put an operation's file of this kind into the metadata instead of the one that is there; None removes it."""
        self._enter(cause, (), carried=Further(kind=kind, sha256=carried.sha256 if carried else None))
        self.carried.pop(kind, None)
        if carried is not None:
            self.carried[kind] = carried

    def served(self, package: Listed) -> Listed:
        """Return a package of an older generation as its file is served today, or as it was if it is not served.

        Raises:
            ConflictError: The name of its file belongs to another content by now.
        """
        known = self._known.get(_file_name(package), package)
        if known.built != package.built:
            raise ConflictError(
                f"{package.location} of {self.before.repository} is that of build {known.build} by now: that of build"
                f" {package.build} cannot come back"
            )
        return known

    def withdraw(self, cause: Cause, withdrawn: Iterable[str], restored: Iterable[Listed]) -> None:
        """Take an operation's NEVRAs out, to stay out, and list the packages `restored`, checked before, again."""
        gone = tuple(name for name in withdrawn if self.listed.pop(name, None))
        self.excluded.update(gone)
        again = tuple(package for package in restored if package.nevra not in self.listed)
        self._enter(cause, again, gone)
        for package in again:
            self._list(package, package.operation)

    def pin(self, cause: Cause, generation: int, *, pinned: bool) -> None:
        """Pin or unpin, for an operation, a generation that can be read.

        Raises:
            NotFoundError: The generation cannot be read any more, or was never there; or it is not pinned.
        """
        name = self.before.repository
        if pinned and generation not in self.before.generations():
            raise NotFoundError(f"generation {generation} of {name} cannot be read: only one that can be is pinned")
        if not pinned and generation not in self._pins:
            raise NotFoundError(f"generation {generation} of {name} is not pinned")
        self._enter(cause, ())
        if pinned:
            self._pins[generation] = Pinned(generation=generation, who=cause.who, reason=cause.reason)
        else:
            del self._pins[generation]

    def result(self, now: float) -> Manifest:
        """Return the manifest of the generation to be made, or the one from before if no operation changed anything."""
        if not self._entered:
            return self.before
        packages = {name: self.listed[name] for name in sorted(self.listed)}
        for retention in dict.fromkeys(self._retentions):
            for name in departures(packages.values(), retention, now, self._facts).names:
                del packages[name]
        past = self._past(now)
        entered = (msgspec.structs.replace(self._entered[number], at=now) for number in sorted(self._entered))
        return Manifest(
            repository=self.before.repository,
            generation=self._generation,
            created=now,
            operations=(*self.before.operations, *entered)[-REMEMBERED:],
            packages=tuple(packages.values()),
            leaving=tuple(self._leaving(packages, past, now)),
            past=past,
            excluded=tuple(sorted(self.excluded)),
            pins=tuple(self._pins[generation] for generation in sorted(self._pins)),
            carried=tuple(sorted(self.carried.values(), key=lambda carried: carried.kind.value)),
            advisories=tuple(one for one in self._advisories if not packages.keys().isdisjoint(one.packages)),
        )

    def departures(self, retention: Retention, now: float) -> Departures:
        """Return the packages that leave by this retention after the changes of the operations so far."""
        return departures(self.listed.values(), retention, now, self._facts)

    @property
    def _generation(self) -> int:
        return self.before.generation + 1

    def _enter(
        self,
        cause: Cause,
        packages: Iterable[Listed],
        withdrawn: tuple[str, ...] = (),
        carried: Further | None = None,
        findings: Findings = Findings(),  # noqa: B008 - it is frozen
    ) -> None:
        """Enter the operation among the applied ones; its time is known when all have been entered."""
        self._entered[cause.number] = Entered(
            **msgspec.structs.asdict(cause),
            generation=self._generation,
            at=0.0,
            published=tuple(package.nevra for package in packages),
            withdrawn=withdrawn,
            carried=carried,
            findings=findings,
        )

    def _list(self, package: Listed, operation: int) -> None:
        """List a package that is not listed; a known one stays as it is known, since a served file does not change."""
        self.excluded.discard(package.nevra)
        known = self._known.get(_file_name(package))
        if known is None:
            known = msgspec.structs.replace(package, operation=operation, first=self._generation)
        elif package.nevra in self.listed or known.built != package.built:
            return
        else:
            known = _listed(known, since=package.since, operation=operation)
        self._known[_file_name(package)] = self.listed[package.nevra] = known

    def _leaving(self, packages: Mapping[str, Listed], past: Iterable[Past], now: float) -> Iterable[Leaving]:
        """Yield the packages that are not listed, but are by a generation that can be read."""
        generations = [one.generation for one in past]
        listed = {package.sha256 for package in packages.values()}
        gone = (
            _leaving(package, now, self.before.generation)
            for package in self.before.packages
            if package.nevra not in packages
        )
        for package in (*self.before.leaving, *gone):
            if package.sha256 not in listed and any(package.first <= one <= package.last for one in generations):
                yield package

    def _past(self, now: float) -> tuple[Past, ...]:
        before = self.before
        latest = (Past(generation=before.generation, until=now, key=before.key),) if before.generation else ()
        return readable((*before.past, *latest), self._pins, now)


class Drafts:
    """The drafts of operations that are carried out together; `current` is asked once for each repository.

    `facts` says what packages require and provide.
    """

    def __init__(self, current: Callable[[Repository], Manifest], facts: Facts) -> None:
        self._current = current
        self._facts = facts
        self._drafts: dict[Repository, Draft] = {}

    def of(self, repository: Repository) -> Draft:
        """Return the draft of this repository."""
        if repository not in self._drafts:
            self._drafts[repository] = Draft(self._current(repository), self._facts)
        return self._drafts[repository]

    def existing(self, repository: Repository) -> Draft:
        """Return the draft of a repository that is there; `NotFoundError` if it is not."""
        draft = self.of(repository)
        if draft.before.generation == 0:
            raise NotFoundError(f"there is no repository {repository.path}")
        return draft

    def results(self, now: float) -> dict[Repository, Manifest]:
        """Return the manifests of all repositories that were asked for."""
        return {repository: draft.result(now) for repository, draft in self._drafts.items()}


def _leaving(package: Listed, now: float, last: int) -> Leaving:
    return Leaving(**msgspec.structs.asdict(package), left=now, last=last)


def _listed(package: Listed, **changes: float) -> Listed:
    """Return a package that was leaving, listed again."""
    fields = {name: getattr(package, name) for name in Listed.__struct_fields__}
    return Listed(**fields | changes)


def _file_name(package: Listed) -> str:
    """Return the name of a package's file, which no other package of the repository has, in whatever folder."""
    return package.location.rpartition("/")[2]
