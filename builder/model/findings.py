"""What the repository builder has found out about an operation, beside whether it is done."""

from collections.abc import Iterable
from typing import Annotated

import msgspec

from builder.model import Value

MOST = 50
"""The most findings that are told of one operation: they travel in one box."""


class Finding(Value, frozen=True, kw_only=True):
    """One line about an operation: `kind` is a word such as `removed`, `subject` what it is about."""

    kind: Annotated[str, msgspec.Meta(max_length=40)]
    subject: Annotated[str, msgspec.Meta(max_length=200)]
    text: Annotated[str, msgspec.Meta(max_length=300)] = ""


class Findings(Value, frozen=True, kw_only=True):
    """What there is to say about an operation, the weightiest first; `more` is how many have no room here."""

    first: Annotated[tuple[Finding, ...], msgspec.Meta(max_length=MOST)] = ()
    more: Annotated[int, msgspec.Meta(ge=0)] = 0


def told(findings: Iterable[Finding]) -> Findings:
    """As many of these findings as there is room for, in their order."""
    found = tuple(findings)
    return Findings(first=found[:MOST], more=len(found[MOST:]))
