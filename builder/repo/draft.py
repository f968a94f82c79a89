"""A draft: what operations that are carried out together will do to one repository.

Everything is decided here, from the manifest of the current generation alone, before anything is written.
"""

from collections.abc import Callable, Iterable

import msgspec

from builder.errors import ConflictError
from builder.model.project import Retention
from builder.repo.layout import Repository
from builder.repo.manifest import Entered, Leaving, Listed, Manifest, Past
from builder.repo.retention import superseded

GRACE = 24 * 3600.0
"""For how many seconds a generation can still be read after another one has taken its place."""
REMEMBERED = 1000
"""How many applied operations a manifest carries: more than ever wait for an answer together."""


class Draft:
    """The generation after `before` while operations have their say in it."""

    def __init__(self, before: Manifest) -> None:
        self.before = before
        self._known = before.files()
        self._added: dict[str, Listed] = {}
        self._operations: dict[int, tuple[str, ...]] = {}
        self._retention: Retention | None = None

    def has(self, operation: int, packages: Iterable[Listed]) -> bool:
        """Whether the repository has applied `operation`, which brings these packages.

        Where the number is there with other packages, it was given twice: the master's database was set back.
        """
        entered = self.before.entered(operation)
        return entered is not None and entered.published == tuple(package.nevra for package in packages)

    def check(self, packages: Iterable[Listed]) -> None:
        """`ConflictError` if a client that knows this repository would get other content under a name it knows."""
        for package in packages:
            known = self._known.get(package.location, package)
            if known.built != package.built and not _same_source(known, package):
                raise ConflictError(
                    f"{package.nevra} is already in {self.before.repository} with other content, from build"
                    f" {known.build}: a new build needs a new version or release"
                )

    def add(self, operation: int, packages: Iterable[Listed], retention: Retention | None) -> None:
        """Let `operation` add these packages, checked before; its retention holds for the repository from now on."""
        self._operations[operation] = tuple(package.nevra for package in packages)
        self._retention = retention or self._retention
        for package in packages:
            known = self._known.get(package.location)
            if known is None or (isinstance(known, Leaving) and known.built == package.built):
                self._known[package.location] = self._added[package.nevra] = package

    def result(self, now: float) -> Manifest:
        """The manifest of the generation to be made, or the one from before if no operation had a say."""
        if not self._operations:
            return self.before
        generation = self.before.generation + 1
        listed = {package.nevra: package for package in self.before.packages} | self._added
        gone = superseded(listed.values(), self._retention, now) if self._retention else frozenset()
        entered = (
            Entered(number=number, generation=generation, published=self._operations[number])
            for number in sorted(self._operations)
        )
        return Manifest(
            repository=self.before.repository,
            generation=generation,
            created=now,
            operations=(*self.before.operations, *entered)[-REMEMBERED:],
            packages=tuple(listed[name] for name in sorted(listed) if name not in gone),
            leaving=(*self._still_leaving(now), *(_leaving(listed[name], now) for name in sorted(gone))),
            past=self._past(now),
        )

    def _still_leaving(self, now: float) -> Iterable[Leaving]:
        return (
            package
            for package in self.before.leaving
            if package.nevra not in self._added and now - package.left < GRACE
        )

    def _past(self, now: float) -> tuple[Past, ...]:
        stay = tuple(past for past in self.before.past if now - past.until < GRACE)
        if self.before.generation == 0:
            return stay
        return (*stay, Past(generation=self.before.generation, until=now))


class Drafts:
    """The drafts of operations that are carried out together; `current` is asked once for each repository."""

    def __init__(self, current: Callable[[Repository], Manifest]) -> None:
        self._current = current
        self._drafts: dict[Repository, Draft] = {}

    def of(self, repository: Repository) -> Draft:
        """The draft of this repository."""
        if repository not in self._drafts:
            self._drafts[repository] = Draft(self._current(repository))
        return self._drafts[repository]

    def results(self, now: float) -> dict[Repository, Manifest]:
        """The manifests of all repositories that were asked for."""
        return {repository: draft.result(now) for repository, draft in self._drafts.items()}


def _leaving(package: Listed, now: float) -> Leaving:
    return Leaving(**msgspec.structs.asdict(package), left=now)


def _same_source(known: Listed, package: Listed) -> bool:
    """The architectures of one build each make its SRPM, alike but for the time and the host in it."""
    return package.source is None and known.build == package.build
