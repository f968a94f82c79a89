"""What slaves delivered: taken when it is whole and true, set aside with the reason when it is not.

An attempt's files are in `incoming/<build>/<job>/<fence>/`. Its listing came last and says what they are; every word of
it is compared with the files themselves before anything is published.
"""

import stat
from pathlib import Path

import msgspec

from builder import files, nevra
from builder.errors import DigestError, InvalidError, NotFoundError
from builder.model import Value
from builder.model.artifact import LISTING_NAME, Artifact, ArtifactKind, Listing
from builder.model.operation import Publish
from builder.repo import layout
from builder.repo.headers import HeaderReader
from builder.repo.index import Record

LISTING_LIMIT = 16 << 20
"""Bytes of the largest listing that is read: 5,000 artifacts need a tenth."""
_PACKAGES = frozenset({ArtifactKind.RPM, ArtifactKind.SRPM})


class Delivered(Value, frozen=True, kw_only=True):
    """One package of an attempt, with the file that it is in."""

    file: Path
    size: int
    record: Record


class Refusal(Value, frozen=True, kw_only=True):
    """`reason.json` of what was set aside, at `time` in seconds since the epoch."""

    operation: int
    order: Publish
    reason: str
    time: float


class Incoming:
    """The folders `incoming/` and, for what was not taken, `rejected/`; `read` reads RPM headers."""

    def __init__(self, folder: Path, rejected: Path, read: HeaderReader) -> None:
        self._folder = folder
        self._rejected = rejected
        self._read = read

    def path(self, order: Publish) -> Path:
        """The folder of the attempt."""
        return self._folder / str(order.build) / order.job / str(order.fence)

    def packages(self, order: Publish) -> tuple[Delivered, ...]:
        """The packages of an attempt, after every check that needs no repository; a BuilderError says what is wrong."""
        folder = self.path(order)
        if not folder.is_dir() or folder.is_symlink():
            raise NotFoundError(f"incoming has nothing of attempt {order.build}/{order.job}, fence {order.fence}")
        listing = _listing(folder / LISTING_NAME)
        _check_names(folder, listing)
        for artifact in listing.artifacts:
            _check_file(folder / artifact.name, artifact)
        artifacts = [artifact for artifact in listing.artifacts if artifact.kind in _PACKAGES]
        if not artifacts:
            raise InvalidError("the listing names no package")
        records = self._read([folder / artifact.name for artifact in artifacts])
        for artifact, record in zip(artifacts, records, strict=True):
            _check_header(artifact, record)
        _check_source(records)
        return tuple(
            Delivered(file=folder / artifact.name, size=artifact.size, record=record)
            for artifact, record in zip(artifacts, records, strict=True)
        )

    def refusal(self, operation: int, order: Publish) -> Refusal | None:
        """Why an operation was refused, if it was."""
        path = self._aside(operation, order) / "reason.json"
        return msgspec.json.decode(path.read_bytes(), type=Refusal) if path.exists() else None

    def set_aside(self, refusal: Refusal) -> None:
        """Keep what was delivered for a person to look at, with the reason beside it; may be done again."""
        place = self._aside(refusal.operation, refusal.order)
        files.make_folder(place)
        files.write(place / "reason.json", msgspec.json.encode(refusal))
        if self.path(refusal.order).exists():
            files.move(self.path(refusal.order), place / "files")

    def forget(self, order: Publish, waste: Path) -> None:
        """Remove what is published, by way of the folder `waste`."""
        if self.path(order).exists():
            files.discard(self.path(order), waste)

    def _aside(self, operation: int, order: Publish) -> Path:
        return self._rejected / f"{operation}-{order.build}-{order.job}-{order.fence}"


def _listing(path: Path) -> Listing:
    if path.is_symlink() or not path.is_file():
        raise InvalidError(f"there is no {LISTING_NAME}: the delivery is not complete")
    if path.stat().st_size > LISTING_LIMIT:
        raise InvalidError(f"{LISTING_NAME} has more than {LISTING_LIMIT} bytes")
    try:
        return msgspec.json.decode(path.read_bytes(), type=Listing)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidError(f"{LISTING_NAME} cannot be read: {error}") from error


def _check_names(folder: Path, listing: Listing) -> None:
    """The folder holds the files of the listing, each once, and nothing else."""
    listed = [artifact.name for artifact in listing.artifacts]
    if len(set(listed)) < len(listed):
        raise InvalidError(f"{LISTING_NAME} names a file twice")
    there = {path.name for path in folder.iterdir()} - {LISTING_NAME}
    if missing := sorted(set(listed) - there):
        raise InvalidError(f"{missing[0]} is listed, but was not delivered")
    if foreign := sorted(there - set(listed)):
        raise InvalidError(f"{foreign[0]} was delivered, but is not listed")


def _check_file(path: Path, artifact: Artifact) -> None:
    """It is a plain file of the size and digest that the listing says."""
    facts = path.lstat()
    if not stat.S_ISREG(facts.st_mode):
        raise InvalidError(f"{artifact.name} is no plain file")
    if facts.st_size != artifact.size:
        raise DigestError(f"{artifact.name} has {facts.st_size} bytes instead of the {artifact.size} listed")
    if files.sha256(path) != artifact.sha256:
        raise DigestError(f"the content of {artifact.name} is not what its digest in the listing says")


def _check_header(artifact: Artifact, record: Record) -> None:
    """The RPM is what the listing says it is, and its file is called what it is."""
    name = nevra.parse(record.nevra)
    if record.sha256 != artifact.sha256:
        raise DigestError(f"{artifact.name} changed while it was read")
    if artifact.nevra is None or nevra.parse(artifact.nevra) != name:
        raise InvalidError(f"{artifact.name} is listed as {artifact.nevra}, but its header says {record.nevra}")
    if artifact.name != layout.file_name(name):
        raise InvalidError(f"{artifact.name} holds {record.nevra}: it must be called {layout.file_name(name)}")
    source = artifact.kind is ArtifactKind.SRPM
    if source != (record.source is None) or source != (name.architecture == "src"):
        raise InvalidError(f"{artifact.name} is listed as {artifact.kind.value}, but its header says otherwise")


def _check_source(records: tuple[Record, ...]) -> None:
    """All binary packages of an attempt come from one SRPM."""
    sources = sorted({record.source for record in records if record.source is not None})
    if len(sources) > 1:
        raise InvalidError(f"the packages come from different sources: {sources[0]} and {sources[1]}")
