"""Artifacts: the files that an attempt delivers, and the listing of all of them."""

import enum
from typing import Annotated

import msgspec

from builder.model import Label, Sha256, Size, Value


class ArtifactKind(enum.Enum):
    """The purpose of a delivered file."""

    RPM = "rpm"
    SRPM = "srpm"
    LOG = "log"
    INPUTS = "inputs"
    DEPENDENCIES = "dependencies"
    LISTING = "listing"


class Artifact(Value, frozen=True, kw_only=True):
    """A delivered file, known by its digest; RPMs have a `nevra`: `name-[epoch:]version-release.arch`."""

    name: Label
    kind: ArtifactKind
    size: Size
    sha256: Sha256
    nevra: str | None = None


class Listing(Value, frozen=True, kw_only=True):
    """The manifest of an attempt's artifacts: itself the last artifact; its acceptance makes the others real."""

    format: Annotated[int, msgspec.Meta(ge=1, le=1)] = 1
    attempt: str
    artifacts: Annotated[tuple[Artifact, ...], msgspec.Meta(max_length=5000)]


LISTING_NAME = "listing.json"
LISTING_LIMIT = 4 << 20
"""Bytes of the largest listing: those of 5,000 artifacts need half of it."""
