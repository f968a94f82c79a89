"""Retention: a repository goes on listing the newest packages of each name, the young, and those that these need."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from builder import nevra
from builder.model import Value
from builder.model.project import Retention
from builder.repo.manifest import Listed
from builder.repo.relations import Dependency, Relations, satisfies

_DAY = 24 * 3600.0


class Facts(Protocol):
    """Facts about packages, by their digests."""

    def relations(self, sha256: str) -> Relations:
        """Return the relations of a package."""

    def owns(self, sha256: str, path: str) -> bool:
        """Tell if a package has this file."""


class Departure(Value, frozen=True, kw_only=True):
    """A package that leaves, since there are so many `newer` versions and it has been there for `days`."""

    package: Listed
    newer: int
    days: int


class Needed(Value, frozen=True, kw_only=True):
    """A package that would leave, but provides `what`, which nothing else provides that stays, to the package `by`."""

    package: Listed
    by: str
    what: str


class Departures(Value, frozen=True, kw_only=True):
    """The packages that leave a repository, and those that stay only because another package needs them."""

    going: tuple[Departure, ...] = ()
    needed: tuple[Needed, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """The NEVRAs of the packages that leave."""
        return frozenset(one.package.nevra for one in self.going)


def departures(packages: Iterable[Listed], retention: Retention, now: float, facts: Facts) -> Departures:
    """Return what leaves a repository of these packages at the time `now`: those superseded, and not needed."""
    known = tuple(packages)
    old = {one.package.nevra: one for one in superseded(known, retention, now)}
    if not old:
        return Departures()
    staying = [package for package in known if package.nevra not in old]
    needed = _needed(staying, {name: one.package for name, one in old.items()}, facts)
    return Departures(
        going=tuple(one for name, one in old.items() if name not in needed), needed=tuple(needed.values())
    )


def superseded(packages: Iterable[Listed], retention: Retention, now: float) -> tuple[Departure, ...]:
    """Return the packages behind the newest `versions` EVRs of their name that are there for more than `days`.

    A package that comes in at the moment `now` is never superseded, whatever its version.
    """
    by_name: defaultdict[str, defaultdict[str, list[Listed]]] = defaultdict(lambda: defaultdict(list))
    for package in packages:
        name = nevra.parse(package.nevra)
        by_name[name.name][name.evr.text].append(package)
    return tuple(
        Departure(package=package, newer=newer, days=int((now - package.since) // _DAY))
        for versions in by_name.values()
        for newer, evr in _older(versions, retention.versions)
        for package in versions[evr]
        if now - package.since > retention.days * _DAY
    )


def _older(evrs: Iterable[str], versions: int) -> Sequence[tuple[int, str]]:
    """Yield the EVRs after the newest `versions`, each with how many are newer."""
    known = list(evrs)
    if len(known) <= versions:
        return ()
    return list(enumerate(sorted(known, key=nevra.newest_last, reverse=True)))[versions:]


def _needed(staying: Iterable[Listed], old: Mapping[str, Listed], facts: Facts) -> dict[str, Needed]:
    """Return those of `old` that alone fulfil a requirement of a staying package, and those that they need in turn.

    A requirement that nothing in the repository has ever fulfilled is the distribution's.
    """
    held = _Held(facts, staying)
    newest = sorted(
        old.values(), key=lambda package: nevra.newest_last(nevra.parse(package.nevra).evr.text), reverse=True
    )
    offers = _Held(facts, newest)
    found: dict[str, Needed] = {}
    asking = list(held.packages)
    while asking:
        by = asking.pop()
        for required in facts.relations(by.sha256).requires:
            offered = offers.first(required)
            if offered is None or held.first(required) is not None:
                continue
            found[offered.nevra] = Needed(package=offered, by=by.nevra, what=required.name)
            held.add(offered)
            asking.append(offered)
    return found


class _Held:
    """Packages that are searched for one that fulfils a requirement."""

    def __init__(self, facts: Facts, packages: Iterable[Listed]) -> None:
        self._facts = facts
        self._providers: defaultdict[str, list[tuple[Dependency, Listed]]] = defaultdict(list)
        self.packages: list[Listed] = []
        for package in packages:
            self.add(package)

    def add(self, package: Listed) -> None:
        """Add a package, to be asked after the others."""
        self.packages.append(package)
        for provided in self._facts.relations(package.sha256).provides:
            self._providers[provided.name].append((provided, package))

    def first(self, required: Dependency) -> Listed | None:
        """Return the first package that fulfils a requirement, None if none does."""
        providers = self._providers.get(required.name, ())
        found = next((package for provided, package in providers if satisfies(provided, required)), None)
        if found is None and required.name.startswith("/"):
            found = next((one for one in self.packages if self._facts.owns(one.sha256, required.name)), None)
        return found
