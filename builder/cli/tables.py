"""Tables: the output of the command line, with states in colour, and times.

On a terminal tables are aligned under headings and states have colours (unless `NO_COLOR` is set). Into a pipe go
lines with tabs between their columns, for other programs.
"""

import json
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TextIO

_COLOURS = {
    "succeeded": "32",
    "failed": "31",
    "timed-out": "31",
    "broken": "31",
    "cancelled": "35",
    "running": "36",
    "publishing": "36",
    "skipped": "33",
    "added": "32",
    "removed": "31",
    "changed": "33",
    "connected": "32",
    "away": "31",
}
_WRONG_ESCAPE = re.compile(r"\x1b(?!\[[0-9;]*m)|[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f]")
"""Characters and sequences that could do more to a terminal than colour it."""


def coloured(stream: TextIO, environment: Mapping[str, str] = os.environ) -> bool:
    """Tell if `stream` takes colours (https://no-color.org)."""
    return stream.isatty() and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"


def paint(word: str, colours: bool) -> str:
    """Return a state's name in its colour."""
    colour = _COLOURS.get(word)
    return f"\x1b[{colour}m{word}\x1b[0m" if colours and colour else word


def harmless(text: str) -> str:
    """Return text from a build or a farm without what could play tricks on a terminal; colours stay."""
    return _WRONG_ESCAPE.sub("\N{REPLACEMENT CHARACTER}", text)


def table(headings: Sequence[str], rows: Iterable[Sequence[object]], out: TextIO | None = None) -> None:
    """Print rows, aligned under headings on a terminal, otherwise with tabs and no headings."""
    out = out or sys.stdout
    cells = [[harmless(str(cell)).replace("\n", " ").replace("\t", " ") for cell in row] for row in rows]
    if not out.isatty():
        for row in cells:
            print("\t".join(row), file=out)
        return
    widths = [max(len(row[column]) for row in [headings, *cells]) for column in range(len(headings))]
    colours = coloured(out)
    print("  ".join(map(str.ljust, headings, widths)).rstrip(), file=out)
    for row in cells:
        padded = [paint(cell, colours) + " " * (width - len(cell)) for cell, width in zip(row, widths, strict=True)]
        print("  ".join(padded).rstrip(), file=out)


def counted(words: Iterable[str]) -> str:
    """Return the counts of words: `2 succeeded, 1 skipped`."""
    return ", ".join(f"{count} {word}" for word, count in Counter(words).items())


def as_json(value: Any) -> None:
    """Print a value as the API tells it."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def when(seconds: float | None) -> str:
    """Return a time since the epoch as a date in this place's time zone."""
    return "" if seconds is None else f"{datetime.fromtimestamp(seconds, UTC).astimezone():%Y-%m-%d %H:%M:%S}"


def amount(size: int) -> str:
    """Return a number of bytes as people read it: `812 B`, `4.2 KiB`, `1.3 GiB`."""
    value, units = float(size), ["B", "KiB", "MiB", "GiB"]
    while value >= 1024 and len(units) > 1:
        value, units = value / 1024, units[1:]
    return f"{size} B" if units[0] == "B" else f"{value:.1f} {units[0]}"


def lasting(start: float, end: float | None) -> str:
    """Return a duration, `1h02m`, `3m20s` or `4.2s`; nothing while it goes on."""
    if end is None:
        return ""
    seconds = max(0.0, end - start)
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m{rest:02}s" if minutes < 60 else f"{minutes // 60}h{minutes % 60:02}m"
