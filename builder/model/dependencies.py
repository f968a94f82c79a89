"""Dependencies: what a package requires to be built and what it provides, from which the order of a batch follows.

Both are capabilities by their names alone. The lists come from a slave as a file of their own, since a package may
provide thousands.
"""

from typing import Annotated

import msgspec

from builder.model import Value

CAPABILITY_PATTERN = r"^[!-~]{1,200}\Z"
MOST_CAPABILITIES = 10_000
"""Most capabilities of a list; a slave delivers the first of a longer one, and says so in the log."""

Capability = Annotated[str, msgspec.Meta(pattern=CAPABILITY_PATTERN)]
"""A capability: a package's name, `pkgconfig(zlib)`, `/usr/bin/make`, or whatever one package may ask of another,
without a version.
"""


class Dependencies(Value, frozen=True, kw_only=True):
    """The dependencies that a source job finds in the spec, or a chroot job in its packages: these only provide."""

    requires: Annotated[tuple[Capability, ...], msgspec.Meta(max_length=MOST_CAPABILITIES)] = ()
    provides: Annotated[tuple[Capability, ...], msgspec.Meta(max_length=MOST_CAPABILITIES)] = ()


DEPENDENCIES_NAME = "dependencies.json"
DEPENDENCIES_LIMIT = 8 << 20
"""Bytes of the largest such file: two full lists of the longest names need half of it."""
