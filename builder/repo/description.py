"""Descriptions of packages for people: the summary and the newest changes, from a package's record in the pool."""

import createrepo_c

from builder.errors import UnavailableError
from builder.model import Value
from builder.repo.index import PackageRecord


class ChangelogEntry(Value, frozen=True, kw_only=True):
    """An entry of a changelog; `author` is the line that it begins with, `date` in seconds since the epoch."""

    author: str
    date: int
    text: str


class Description(Value, frozen=True, kw_only=True):
    """A package in words; the newest of its `changes` first."""

    summary: str
    changes: tuple[ChangelogEntry, ...]


def describe(record: PackageRecord) -> Description:
    """Return the words of a package's record.

    Raises:
        UnavailableError: The record is damaged.
    """
    found: list[createrepo_c.Package] = []
    try:
        createrepo_c.xml_parse_primary_snippet(record.primary, None, found.append, None)
        createrepo_c.xml_parse_other_snippet(record.other, None, found.append, None)
        about, changed = found
    except (ValueError, RuntimeError, createrepo_c.CreaterepoCError) as error:
        raise UnavailableError(f"the record of {record.nevra} is damaged: {error}") from error
    changes = tuple(ChangelogEntry(author=author, date=date, text=text) for author, date, text in changed.changelogs)
    return Description(summary=about.summary or "", changes=changes[::-1])
