"""Lint: the findings of rpmlint in the packages that a job has made."""

from typing import Annotated

import msgspec

from builder.model import Size, Text, Value

MOST_FINDINGS = 20
LONGEST_FINDING = 300


class Lint(Value, frozen=True, kw_only=True):
    """The findings in short: how many errors and warnings, and the first of them, errors before warnings.

    `note` says why rpmlint has told nothing, or not all; the job's log has everything that it said.
    """

    errors: Size = 0
    warnings: Size = 0
    first: Annotated[
        tuple[Annotated[str, msgspec.Meta(max_length=LONGEST_FINDING)], ...], msgspec.Meta(max_length=MOST_FINDINGS)
    ] = ()
    note: Text = ""
