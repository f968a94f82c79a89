"""The nouns of the farm, each a frozen value in a module of its own.

Values are what crosses module boundaries, the wire, the API and the database; they hold no behaviour beyond what
follows from their own fields.
"""

from typing import Annotated

import msgspec


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """A frozen record; unknown fields are ignored when decoded, so that a newer peer may add some."""


LABEL_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._+~^-]*\Z"
"""The pattern of a name from outside: it is one path component and can never be `.`, `..` or an option."""

Label = Annotated[
    str,
    msgspec.Meta(
        pattern=LABEL_PATTERN,
        max_length=128,
        description="a name of letters, digits and `._+~^-` that begins with a letter or digit",
    ),
]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
Text = Annotated[str, msgspec.Meta(max_length=4096)]
Size = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Time = Annotated[float, msgspec.Meta(ge=0, le=253402300799)]
"""Seconds since the epoch, up to the year 9999; neither infinite nor a NaN."""
