"""Cards: what the page of a repository tells of a package, in a small file beside it in the pool.

The words are those of whoever made the package. The child that reads its header writes them down, cut to the bounds
that stand here, and whoever shows them decodes the file within the same bounds: a page reads nothing else of a package.
"""

import re
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Annotated

import msgspec

from builder.errors import UnavailableError
from builder.model import Value

SUFFIX = ".card-1"
"""The end of the name of a card's file. The number is the format's: cards of another format are not found, and made
anew."""
CHANGES = 3
"""Number of changes that are told."""
LARGEST = 64 << 10
"""Bytes of the largest card: one whose words have as many letters as they may, each of four bytes, needs 53,000."""
_SUMMARY, _AUTHOR, _TEXT = 500, 200, 4000
_LAST_DAY = 253402300799
"""Seconds of the last moment that a page can write."""
_UNSEEN = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
"""Control characters but tab and newline, what turns the direction of text around, and what is no character."""


class Entry(Value, frozen=True, kw_only=True):
    """An entry of a changelog; `author` is the line that it begins with, `date` in seconds since the epoch."""

    author: Annotated[str, msgspec.Meta(max_length=_AUTHOR)]
    date: Annotated[int, msgspec.Meta(ge=0, le=_LAST_DAY)]
    text: Annotated[str, msgspec.Meta(max_length=_TEXT)]


class Card(Value, frozen=True, kw_only=True):
    """The summary of a package and its newest changes, the newest first."""

    summary: Annotated[str, msgspec.Meta(max_length=_SUMMARY)]
    changes: Annotated[tuple[Entry, ...], msgspec.Meta(max_length=CHANGES)]


def make(summary: str, changes: Iterable[tuple[str, int, str]]) -> Card:
    """Return the card of a package with this summary and these changes (author, date, text), the newest first."""
    entries = (
        Entry(author=_cut(author, _AUTHOR), date=min(max(date, 0), _LAST_DAY), text=_cut(text, _TEXT))
        for author, date, text in changes
    )
    return Card(summary=_cut(summary, _SUMMARY), changes=tuple(islice(entries, CHANGES)))


def write(card: Card, path: Path) -> None:
    """Write a card to a new file."""
    path.write_bytes(msgspec.json.encode(card))


def load(path: Path) -> Card:
    """Return the card at `path`.

    Raises:
        OSError: There is none.
        UnavailableError: It is damaged.
    """
    with path.open("rb") as file:
        text = file.read(LARGEST)
    try:
        return msgspec.json.decode(text, type=Card)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UnavailableError(f"{path} is damaged: {error}") from error


def _cut(text: str, length: int) -> str:
    """Return a text cut to so many letters, all of which are seen and stay where they stand."""
    seen = _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n")[: length + 1])
    return seen if len(seen) <= length else f"{seen[: length - 1]}…"
