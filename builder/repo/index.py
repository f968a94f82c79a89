"""Index records: what the metadata says about a package, read from it once and kept beside it in the pool."""

from pathlib import Path

import msgspec

from builder import nevra
from builder.errors import UnavailableError
from builder.model import Sha256, Value
from builder.repo import layout
from builder.repo.promise import Promise

SUFFIX = ".index-1"
"""The end of the name of a record's file. The number is the format's: records of another format are not found, and made
anew.
"""


class PackageRecord(Value, frozen=True, kw_only=True):
    """A package's header, and its elements of the three metadata files as createrepo_c writes them.

    `source` is the name of the SRPM's file that a binary package was made from; a source package has none, but a
    `promise` of what may be built from it.
    """

    nevra: str
    sha256: Sha256
    source: str | None
    promise: Promise | None = None
    primary: str
    filelists: str
    other: str


def write(record: PackageRecord, path: Path) -> None:
    """Write a record to a new file."""
    path.write_bytes(msgspec.msgpack.encode(record))


def placed(record: PackageRecord, location: str) -> PackageRecord:
    """Return the record of a package that is at `location` in its repository; as read, each is where layout says."""
    usual = layout.location(nevra.parse(record.nevra))
    if location == usual:
        return record
    primary = record.primary.replace(f'<location href="{usual}"', f'<location href="{location}"')
    return msgspec.structs.replace(record, primary=primary)


def load(path: Path) -> PackageRecord:
    """Return the record at `path`; OSError if there is none, `UnavailableError` if it is damaged."""
    try:
        return msgspec.msgpack.decode(path.read_bytes(), type=PackageRecord)
    except msgspec.MsgspecError as error:
        raise UnavailableError(f"{path} is damaged ({error}): remove it, and the next start makes it anew") from error
