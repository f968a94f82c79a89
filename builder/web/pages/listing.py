"""The packages of a repository as its page lists them: by name, with their versions and what has changed. Pure."""

from collections.abc import Callable, Iterable
from itertools import groupby

from builder import nevra
from builder.model import Value
from builder.model.repository import PackageShown
from builder.repo.card import Card

NAMES = 100
"""Number of names of packages on one page."""


class Version(Value, frozen=True, kw_only=True):
    """A package under its name; `since` in seconds since the epoch."""

    evr: str
    architecture: str
    location: str
    build: int
    since: float


class Row(Value, frozen=True, kw_only=True):
    """The row of one name, the newest version first; the card is that of the newest, if it can be read."""

    name: str
    card: Card | None
    versions: tuple[Version, ...]


class Page(Value, frozen=True, kw_only=True):
    """A page of rows; `next` is the name after which the next page goes on, if there is one."""

    rows: tuple[Row, ...]
    next: str | None


def listing(packages: Iterable[PackageShown], card_of: Callable[[PackageShown], Card | None], after: str) -> Page:
    """Return the names that come after `after`, in their order; `card_of` is asked for those alone that are shown."""
    parsed = sorted(
        ((nevra.parse(package.nevra), package) for package in packages), key=lambda pair: (pair[0].name, pair[1].nevra)
    )
    rows: list[Row] = []
    for name, group in groupby(parsed, key=lambda pair: pair[0].name):
        if name <= after:
            continue
        if len(rows) == NAMES:
            return Page(rows=tuple(rows), next=rows[-1].name)
        own = sorted(group, key=lambda pair: nevra.newest_last(pair[0].evr.text), reverse=True)
        versions = tuple(_version(*pair) for pair in own)
        rows.append(Row(name=name, card=card_of(own[0][1]), versions=versions))
    return Page(rows=tuple(rows), next=None)


def _version(name: nevra.Nevra, package: PackageShown) -> Version:
    return Version(
        evr=name.evr.text,
        architecture=name.architecture,
        location=package.location,
        build=package.build,
        since=package.since,
    )
