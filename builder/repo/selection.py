"""The selection of a promotion: packages of the stage they come from, compared with the stage they go to."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from builder import nevra
from builder.errors import InvalidError, NotFoundError
from builder.model.findings import Finding, FindingKind
from builder.model.operation import Promote
from builder.repo.layout import Repository
from builder.repo.manifest import Listed

Selected = Mapping[Repository, tuple[Listed, ...]]
"""Packages, by the repository that they are in or go to."""

_Build = tuple[str, str, int]
"""The distribution, the farm's name for what was built, and the number of the build."""


def selected(order: Promote, source: Selected) -> Selected:
    """Return the packages of `source` that an order means: those of the builds it names, else each package's newest.

    Raises:
        InvalidError: The order means nothing, or goes where it comes from.
        NotFoundError: Something that is named is not there.
    """
    if order.source == order.target:
        raise InvalidError(f"a promotion goes from one stage to another, not from {order.source} to itself")
    if not (order.packages or order.builds or order.everything):
        raise InvalidError("a promotion names packages or builds, or is of everything")
    builds = _builds(source)
    _check_names(order, builds)
    newest_builds = _newest_builds(builds)
    chosen = {
        build
        for build in builds
        if build[2] in order.builds or ((order.everything or build[1] in order.packages) and build in newest_builds)
    }
    srpms = {(build[0], _srpm(one)) for build in chosen for one in builds[build]}
    meant = {
        home: tuple(
            one
            for one in packages
            if (home.distribution, one.package, one.build) in chosen
            or (one.source is None and (home.distribution, _srpm(one)) in srpms)
        )
        for home, packages in source.items()
    }
    return {home: packages for home, packages in meant.items() if packages}


def coming(
    packages: Iterable[Listed], listed: Mapping[str, Listed], excluded: Collection[str], *, force: bool
) -> tuple[tuple[Listed, ...], list[Finding]]:
    """Return those of these packages that come into a repository that lists `listed`, and findings on the others.

    A package of a lower version comes too: a finding `downgraded` tells of it.
    """
    highest = newest(listed)
    come: list[Listed] = []
    findings: list[Finding] = []
    for package in packages:
        there = listed.get(package.nevra)
        higher = highest.get(_name(package.nevra))
        if there is not None and (there.built == package.built or there.same_source(package)):
            findings.append(Finding(kind=FindingKind.PRESENT, subject=package.nevra, text="it is there already"))
        elif package.nevra in excluded and not force:
            findings.append(
                Finding(kind=FindingKind.EXCLUDED, subject=package.nevra, text="it was withdrawn there, and is skipped")
            )
        else:
            come.append(package)
            if higher is not None and nevra.compare(_evr(package.nevra), _evr(higher)) < 0:
                text = f"{higher} is there, and stays the newest"
                findings.append(Finding(kind=FindingKind.DOWNGRADED, subject=package.nevra, text=text))
    return tuple(come), findings


def _builds(source: Selected) -> Mapping[_Build, list[Listed]]:
    builds: defaultdict[_Build, list[Listed]] = defaultdict(list)
    for home, packages in source.items():
        for package in packages:
            builds[home.distribution, package.package, package.build].append(package)
    return builds


def _check_names(order: Promote, builds: Collection[_Build]) -> None:
    missing = [f"package {name}" for name in order.packages if name not in {package for _, package, _ in builds}]
    missing += [f"build {number}" for number in order.builds if number not in {build for _, _, build in builds}]
    if missing:
        raise NotFoundError(f"{order.source} of {order.project} holds nothing of {', '.join(missing)}")


def _newest_builds(builds: Mapping[_Build, list[Listed]]) -> frozenset[_Build]:
    """Return the builds of each package of a distribution that have the highest version, by that of their SRPM.

    A package has several where one was made for an architecture alone, from sources whose SRPM was there already.
    """
    sources = {(build[0], _srpm(one)): _evr(one.nevra) for build, of in builds.items() for one in of if not one.source}
    evrs: dict[_Build, str] = {}
    for build, of in builds.items():
        own = [sources[build[0], _srpm(one)] for one in of if (build[0], _srpm(one)) in sources]
        evrs[build] = max(own or [_evr(one.nevra) for one in of], key=nevra.newest_last)
    highest: dict[tuple[str, str], str] = {}
    for (distribution, package, _), evr in evrs.items():
        known = highest.get((distribution, package))
        if known is None or nevra.compare(evr, known) > 0:
            highest[distribution, package] = evr
    return frozenset(build for build, evr in evrs.items() if evr == highest[build[:2]])


def _srpm(package: Listed) -> str:
    """Return the file name of the SRPM that a package was made from, or is."""
    return package.source or package.location.rpartition("/")[2]


def newest(listed: Iterable[str]) -> Mapping[str, str]:
    """Return each name's NEVRA of the highest version, whatever its architecture: an up-to-date client uses it."""
    found: dict[str, str] = {}
    for name in listed:
        known = found.get(_name(name))
        if known is None or nevra.compare(_evr(name), _evr(known)) > 0:
            found[_name(name)] = name
    return found


def _name(text: str) -> str:
    return nevra.parse(text).name


def _evr(text: str) -> str:
    return nevra.parse(text).evr.text
