"""Findings of the repository builder about an operation, beside its outcome."""

from collections.abc import Iterable
from typing import Annotated

import msgspec

from builder.model import Value

TEXT = 300
"""The most characters of a finding's text."""
MOST = 50
"""The most findings that are told of one operation: they travel in one box."""


class Finding(Value, frozen=True, kw_only=True):
    """A line about an operation: `kind` is a word such as `removed`, `subject` what it is about."""

    kind: Annotated[str, msgspec.Meta(max_length=40)]
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
        Finding(kind=one.kind[:40], subject=one.subject[:200], text=one.text[:TEXT])  # as long as they may be
        for one in found[:MOST]
    )
    return Findings(first=tuple(first), more=len(found[MOST:]))
