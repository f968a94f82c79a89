"""Conditions of a request, which decide what part of a file an answer brings. Pure.

Source: RFC 9110, preconditions (section 13) and ranges (section 14).
"""

import enum
import re
from email.utils import formatdate, parsedate_to_datetime

from builder.model import Value
from builder.web.visit import Conditions

_RANGE = re.compile(r"\s*bytes\s*=\s*(\d{0,19})\s*-\s*(\d{0,19})\s*")


class Version(Value, frozen=True, kw_only=True):
    """A version of a file, which tells one content from the next: strong validator, time in whole seconds, size."""

    etag: str
    modified: int
    size: int

    @property
    def last_modified(self) -> str:
        """The time as HTTP writes it."""
        return formatdate(self.modified, usegmt=True)


class Part(Value, frozen=True, kw_only=True):
    """The bytes from `start` up to but not including `stop`."""

    start: int
    stop: int


class Evaluation(enum.Enum):
    """The answer instead of a part of the file."""

    WHOLE = 200
    NOT_MODIFIED = 304
    UNSATISFIABLE = 416


def wanted(conditions: Conditions, version: Version) -> Evaluation | Part:
    """Return the part of a file, now at `version`, that a client with these `conditions` wants."""
    if _has_it(conditions, version):
        return Evaluation.NOT_MODIFIED
    if conditions.range is None or not _still_the_same(conditions.if_range, version):
        return Evaluation.WHOLE
    return _part(conditions.range, version.size)


def _has_it(conditions: Conditions, version: Version) -> bool:
    if conditions.none_match is not None:
        tags = [tag.strip().removeprefix("W/") for tag in conditions.none_match.split(",")]
        return "*" in tags or version.etag in tags
    since = _seconds(conditions.modified_since)
    return since is not None and version.modified <= since


def _still_the_same(if_range: str | None, version: Version) -> bool:
    """Tell if a range continues what the client already has; without `If-Range` the client says so itself."""
    return if_range is None or if_range.strip() in {version.etag, version.last_modified}


def _part(text: str, size: int) -> Evaluation | Part:
    """Return one range of bytes; several at once, or another unit, may be answered with the whole file."""
    match = _RANGE.fullmatch(text)
    if match is None or match.groups() == ("", ""):
        return Evaluation.WHOLE
    first, last = match.groups()
    if not first:
        start, stop = max(0, size - int(last)), size
    else:
        start, stop = int(first), min(size, int(last) + 1) if last else size
    if last and first and int(last) < int(first):
        return Evaluation.WHOLE
    return Part(start=start, stop=stop) if start < stop else Evaluation.UNSATISFIABLE


def _seconds(date: str | None) -> float | None:
    if date is None:
        return None
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return None
