"""The history of repositories for people: what they hold and have held, read from their manifests, changing nothing."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from builder import nevra
from builder.errors import BuilderError, NotFoundError
from builder.model.repository import (
    GenerationShown,
    GenerationStep,
    PackageChange,
    PackageChangeKind,
    PackageShown,
    RepositoryShown,
    RepositorySummary,
)
from builder.repo import layout
from builder.repo.archive import GENERATIONS, Archive, repositories
from builder.repo.manifest import Listed, Manifest


class History:
    """The repositories below the folder `repos`. It blocks while it reads."""

    def __init__(self, repos: Path) -> None:
        self._repos = repos

    def summaries(self, project: str | None = None) -> tuple[RepositorySummary, ...]:
        """Return the summaries of all repositories, or those of one project, by name."""
        names = (layout.parse(name) for name in repositories(self._repos))
        return tuple(self._summary(name.path) for name in names if project in {None, name.project})

    def show(self, name: str, number: int | None = None) -> RepositoryShown:
        """Return one repository, with the content of its current generation or of another one.

        Raises:
            InvalidError: `name` cannot be a repository's.
            NotFoundError: There is no such repository, or generation.
            UnavailableError: The repository is damaged.
            VersionError: A manifest is damaged, or another version has written it.
        """
        archive = self._archive(name)
        current = archive.current()
        manifest = current if number in {None, current.generation} else archive.read(number or 0)
        return RepositoryShown(
            summary=summary(current),
            generation=manifest.generation,
            created=manifest.created,
            packages=tuple(_shown(package) for package in manifest.packages),
            excluded=manifest.excluded,
            generations=generations(current),
        )

    def difference(self, name: str, before: int, after: int) -> tuple[PackageChange, ...]:
        """Return the changes from one generation of a repository to another; raises what `show` does."""
        archive = self._archive(name)
        return difference(archive.read(before).packages, archive.read(after).packages)

    def _summary(self, name: str) -> RepositorySummary:
        try:
            return summary(self._archive(name).current())
        except (BuilderError, OSError) as error:
            return RepositorySummary(name=name, fault=str(error))

    def _archive(self, name: str) -> Archive:
        folder = self._repos / layout.parse(name).path
        if not (folder / GENERATIONS).is_dir():
            raise NotFoundError(f"there is no repository {name}")
        return Archive(name, folder)


def summary(manifest: Manifest) -> RepositorySummary:
    """Return the summary of a repository, which a list shows in a line."""
    return RepositorySummary(
        name=manifest.repository,
        generation=manifest.generation,
        created=manifest.created,
        packages=len(manifest.packages),
        size=sum(package.size for package in manifest.packages),
        pins=len(manifest.pins),
    )


def generations(current: Manifest) -> tuple[GenerationShown, ...]:
    """Return the generations of which the current manifest knows when and how they were made, the newest first."""
    steps: defaultdict[int, list[GenerationStep]] = defaultdict(list)
    created = {}
    for entered in current.operations:
        created[entered.generation] = entered.at
        step = GenerationStep(
            number=entered.number,
            kind=entered.kind,
            requested_by=entered.who,
            reason=entered.reason,
            published=entered.published,
        )
        steps[entered.generation].append(step)
    readable = current.generations()
    pins = {pin.generation: pin for pin in current.pins}
    return tuple(
        GenerationShown(
            generation=number,
            created=created[number],
            current=number == current.generation,
            readable=number in readable,
            pinned_by=pins[number].who if number in pins else None,
            pin_reason=pins[number].reason if number in pins else "",
            operations=tuple(steps[number]),
        )
        for number in sorted(created, reverse=True)
    )


def difference(before: Iterable[Listed], after: Iterable[Listed]) -> tuple[PackageChange, ...]:
    """Return the changes between two sets of packages, by name."""
    old, new = _versions(before), _versions(after)
    changes: list[PackageChange] = []
    for name in sorted({*old, *new}):
        gone = sorted(old[name] - new[name], key=nevra.newest_last, reverse=True)
        came = sorted(new[name] - old[name], key=nevra.newest_last, reverse=True)
        if gone and came:
            newer = nevra.compare(came[0], gone[0]) > 0
            kind = PackageChangeKind.UPGRADED if newer else PackageChangeKind.DOWNGRADED
            changes.append(PackageChange(name=name, kind=kind, before=gone.pop(0), after=came.pop(0)))
        kinds = PackageChangeKind
        changes.extend(PackageChange(name=name, kind=kinds.REMOVED, before=evr, after=None) for evr in gone)
        changes.extend(PackageChange(name=name, kind=kinds.ADDED, before=None, after=evr) for evr in came)
    return tuple(changes)


def _versions(packages: Iterable[Listed]) -> defaultdict[str, set[str]]:
    versions: defaultdict[str, set[str]] = defaultdict(set)
    for package in packages:
        name = nevra.parse(package.nevra)
        versions[f"{name.name}.{name.architecture}"].add(name.evr.text)
    return versions


def _shown(package: Listed) -> PackageShown:
    return PackageShown(
        nevra=package.nevra,
        location=package.location,
        size=package.size,
        sha256=package.sha256,
        source=package.source,
        package=package.package,
        build=package.build,
        operation=package.operation,
        since=package.since,
    )
