"""The end of a log, fit to be shown on a page, whatever a build has written into it. Pure."""

import re

from builder.model import Value

LINES = 2000
"""Lines of a log that a page shows."""

BYTES = 512 * 1024
"""Bytes of a log that a page looks at: a line may be as long as the log."""

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])")
"""Sequences that a terminal takes for commands: CSI, OSC and the short ones (ECMA-48)."""

_BREAKS = re.compile(r"\r+\n|\r")

_HARMFUL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Controls, and what changes the direction of text so that it reads as something else."""


class Tail(Value, frozen=True, kw_only=True):
    """The last lines of a log; `whole` is True if there are no others."""

    text: str
    whole: bool


def shown(data: bytes) -> str:
    """Return bytes of a log as text without effects: no colours, no cursor, each carriage return a new line."""
    text = _ESCAPES.sub("", data.decode("utf-8", "replace"))
    return _HARMFUL.sub("\N{REPLACEMENT CHARACTER}", _BREAKS.sub("\n", text))


def tail(data: bytes, *, whole: bool, lines: int = LINES) -> Tail:
    """Return the last `lines` of `data`, which is the end of a log, or the `whole` of it.

    If the end begins in the middle of a line, the tail begins with the next line, where there is one.
    """
    text = shown(data)
    if not whole:
        text = text[text.find("\n") + 1 :]
    parts = text.removesuffix("\n").split("\n")
    if len(parts) <= lines:
        return Tail(text=text, whole=whole)
    return Tail(text="\n".join(parts[-lines:]) + "\n", whole=False)
