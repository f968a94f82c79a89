"""The packages of a repository as its page lists them: by name, with their versions and what has changed. Pure."""

from collections.abc import Callable, Iterable
from itertools import groupby

from builder import nevra
from builder.model import Value
from builder.model.repository import PackageShown
from builder.repo.description import Change, Description

NAMES = 100
"""How many names of packages are on one page."""
CHANGES = 3
"""How many changes of a package are shown."""


class Version(Value, frozen=True, kw_only=True):
    """A package under its name; `since` in seconds since the epoch."""

    evr: str
    architecture: str
    location: str
    build: int
    since: float


class Row(Value, frozen=True, kw_only=True):
    """Everything of one name, the newest version first; the words are those of the newest."""

    name: str
    summary: str
    changes: tuple[Change, ...]
    versions: tuple[Version, ...]


class Page(Value, frozen=True, kw_only=True):
    """Some rows; `next` is the name after which the next page goes on, if there is one."""

    rows: tuple[Row, ...]
    next: str | None


def listing(
    packages: Iterable[PackageShown], describe: Callable[[PackageShown], Description | None], after: str
) -> Page:
    """The names that come after `after`, in their order; `describe` is asked for those alone that are shown."""
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
        words = describe(own[0][1])
        rows.append(
            Row(
                name=name,
                summary=words.summary if words else "",
                changes=words.changes[:CHANGES] if words else (),
                versions=tuple(_version(*pair) for pair in own),
            )
        )
    return Page(rows=tuple(rows), next=None)


def _version(name: nevra.Nevra, package: PackageShown) -> Version:
    return Version(
        evr=name.evr.text,
        architecture=name.architecture,
        location=package.location,
        build=package.build,
        since=package.since,
    )
