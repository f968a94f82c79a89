"""Findings of the repository builder about an operation, beside its outcome."""

import enum
from collections.abc import Iterable
from typing import Annotated

import msgspec

from builder.model import Value

TEXT = 300
"""The most characters of a finding's text."""
MOST = 50
"""The most findings that are told of one operation: they travel in one box."""


class FindingKind(enum.Enum):
    """The kinds of findings: each says one thing of its subject."""

    DAMAGED = "damaged"
    DISAPPEARS = "disappears"
    DOWNGRADED = "downgraded"
    DROPPED = "dropped"
    EXCLUDED = "excluded"
    FILE_CONFLICT = "file-conflict"
    GOES = "goes"
    HISTORY = "history"
    KEY = "key"
    MISSING = "missing"
    NEEDED = "needed"
    PRESENT = "present"
    PROMOTED = "promoted"
    REBUILT = "rebuilt"
    REFUSED = "refused"
    REMOVED = "removed"
    RESTORED = "restored"
    SIGNATURE = "signature"
    SPACE = "space"
    UNINSTALLABLE = "uninstallable"
    UNTRUSTED = "untrusted"
    VERIFIED = "verified"
    WHOLE = "whole"
    WITHDRAWN = "withdrawn"


class Finding(Value, frozen=True, kw_only=True):
    """A line about an operation: its kind says something of `subject`, `text` says it in words."""

    kind: FindingKind
    subject: Annotated[str, msgspec.Meta(max_length=200)]
    text: Annotated[str, msgspec.Meta(max_length=TEXT)] = ""


class Findings(Value, frozen=True, kw_only=True):
    """The findings about an operation, the weightiest first; `more` is how many have no room here."""

    first: Annotated[tuple[Finding, ...], msgspec.Meta(max_length=MOST)] = ()
    more: Annotated[int, msgspec.Meta(ge=0)] = 0


def told(findings: Iterable[Finding]) -> Findings:
    """Return as many of these findings as there is room for, in their order."""
    found = tuple(findings)
    first = (
        Finding(kind=one.kind, subject=one.subject[:200], text=one.text[:TEXT])  # as long as they may be
        for one in found[:MOST]
    )
    return Findings(first=tuple(first), more=len(found[MOST:]))
