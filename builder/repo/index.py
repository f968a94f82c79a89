"""What the metadata says about a package, read from it once and kept beside it in the pool."""

from pathlib import Path

import msgspec

from builder import files
from builder.model import Sha256, Value


class Record(Value, frozen=True, kw_only=True):
    """A package's header, and its elements of the three metadata files as createrepo_c writes them.

    `source` is the name of the SRPM's file that a binary package was made from; a source package has none.
    """

    nevra: str
    sha256: Sha256
    source: str | None
    primary: str
    filelists: str
    other: str


def save(record: Record, path: Path) -> None:
    """Put a record at `path`, durably."""
    files.write(path, msgspec.msgpack.encode(record))


def load(path: Path) -> Record:
    """The record at `path`; OSError if there is none."""
    return msgspec.msgpack.decode(path.read_bytes(), type=Record)
