"""Deliveries of slaves: taken when they are whole and true, set aside with the reason when they are not.

An attempt's files are in `incoming/<build>/<job>/<fence>/`. Its listing came last and says what they are; every word of
it is compared with the files themselves before anything is published.
"""

import itertools
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from builder import files, nevra
from builder.errors import DigestError, InvalidError, NotFoundError
from builder.model import Sha256, Value
from builder.model.artifact import LISTING_LIMIT, LISTING_NAME, Artifact, ArtifactKind, Listing
from builder.model.operation import Publish
from builder.repo import index, layout
from builder.repo.headers import HeaderReader, record_path
from builder.repo.index import PackageRecord
from builder.repo.promise import Promise, broken
from builder.repo.rejected import FILES, REASON, Refusal, RejectedDeliveries, refusal
from builder.state import StateFolder

_PACKAGES = frozenset({ArtifactKind.RPM, ArtifactKind.SRPM})


class Delivered(Value, frozen=True, kw_only=True):
    """A package of an attempt, with its file and the file of its record; all else is as in `PackageRecord`."""

    file: Path
    record: Path
    size: int
    nevra: str
    sha256: Sha256
    source: str | None
    promise: Promise | None = None


class Incoming:
    """The folder `incoming/`.

    `rejected` has the deliveries that were not taken, `read` reads RPM headers. The records of an operation's
    packages are in a folder of their own in `staging` until the operation is done.
    """

    def __init__(self, state: StateFolder, rejected: RejectedDeliveries, read: HeaderReader) -> None:
        self._state = state
        self._rejected = rejected
        self._read = read

    def path(self, order: Publish) -> Path:
        """Return the folder of the attempt."""
        return self._state.delivery(order.build, order.job, order.fence)

    def packages(self, operation: int, order: Publish) -> Sequence[Delivered]:
        """Return an attempt's packages after all checks that need no repository; a BuilderError says what is wrong."""
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
        spool = self._spool(operation)
        files.remove_tree(spool)
        spool.mkdir()
        self._read([folder / artifact.name for artifact in artifacts], spool)
        delivered = [
            _delivered(folder, artifact, record_path(spool, number)) for number, artifact in enumerate(artifacts)
        ]
        _check_origin(order, delivered)
        return delivered

    def forget(self, operation: int, order: Publish) -> None:
        """Remove a published delivery at once."""
        spool = self._spool(operation)
        if self.path(order).exists():
            spool.mkdir(exist_ok=True)
            files.discard(self.path(order), spool)
        files.remove_tree(spool)

    def refusal(self, operation: int, order: Publish) -> str | None:
        """Return the reason why an operation was refused, None if it was not; finish setting its delivery aside.

        The same numbers may mean something else when the master's database was set back: then the order differs, or
        the delivery does.
        """
        for place in self._places(operation, order):
            found = refusal(place)
            if found is None or found.order != order:
                continue
            there = self.path(order).exists()
            if not there or (found.listing == self._digest(order) and not (place / FILES).exists()):
                self._set_aside(operation, order, place)
                return found.reason
        return None

    def refuse(self, operation: int, order: Publish, reason: str, now: float) -> None:
        """Keep a delivery for a person to look at, with the reason beside it."""
        self.prune(now)
        place = next(place for place in self._names(operation, order) if not (place / REASON).exists())
        found = Refusal(operation=operation, order=order, listing=self._digest(order), reason=reason, time=now)
        self._rejected.note(place, found)
        self._set_aside(operation, order, place)

    def prune(self, now: float) -> None:
        """Remove the deliveries that were set aside long ago."""
        self._rejected.prune(now, self._state.staging)

    def _set_aside(self, operation: int, order: Publish, place: Path) -> None:
        if self.path(order).exists():
            files.move(self.path(order), place / FILES)
        files.remove_tree(self._spool(operation))

    def _places(self, operation: int, order: Publish) -> Iterable[Path]:
        """Yield the places where this attempt's delivery may have been set aside, for an operation of this number."""
        first = next(iter(self._names(operation, order))).name
        there = files.entries(self._rejected.folder)
        return (path for path in there if path.name == first or path.name.startswith(f"{first}."))

    def _names(self, operation: int, order: Publish) -> Iterable[Path]:
        """Yield the names of these places, one after the other."""
        folder, name = self._rejected.folder, f"{operation}-{order.build}-{order.job}-{order.fence}"
        return itertools.chain([folder / name], (folder / f"{name}.{number}" for number in itertools.count(2)))

    def _digest(self, order: Publish) -> str | None:
        """Return the digest of the delivered listing, None if there is none that can be looked at."""
        try:
            return files.sha256(_plain(self.path(order) / LISTING_NAME))
        except InvalidError:
            return None

    def _spool(self, operation: int) -> Path:
        return self._state.staging / f"operation-{operation}"


def _plain(listing: Path) -> Path:
    """Return the path of the listing, after a check that it can be read as one."""
    if listing.is_symlink() or not listing.is_file():
        raise InvalidError(f"there is no {LISTING_NAME}: the delivery is not complete")
    if listing.stat().st_size > LISTING_LIMIT:
        raise InvalidError(f"{LISTING_NAME} has more than {LISTING_LIMIT} bytes")
    return listing


def _listing(path: Path) -> Listing:
    try:
        return msgspec.json.decode(_plain(path).read_bytes(), type=Listing)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidError(f"{LISTING_NAME} cannot be read: {error}") from error


def _check_names(folder: Path, listing: Listing) -> None:
    """Check that the folder holds the files of the listing, each once, and nothing else."""
    listed = [artifact.name for artifact in listing.artifacts]
    if len(set(listed)) < len(listed):
        raise InvalidError(f"{LISTING_NAME} names a file twice")
    there = {path.name for path in folder.iterdir()} - {LISTING_NAME}
    if missing := sorted(set(listed) - there):
        raise InvalidError(f"{missing[0]} is listed, but was not delivered")
    if foreign := sorted(there - set(listed)):
        raise InvalidError(f"{foreign[0]} was delivered, but is not listed")


def _check_file(path: Path, artifact: Artifact) -> None:
    """Check that a file is plain, and has the size and digest that the listing says."""
    facts = path.lstat()
    if not stat.S_ISREG(facts.st_mode):
        raise InvalidError(f"{artifact.name} is no plain file")
    if facts.st_size != artifact.size:
        raise DigestError(f"{artifact.name} has {facts.st_size} bytes instead of the {artifact.size} listed")
    if files.sha256(path) != artifact.sha256:
        raise DigestError(f"the content of {artifact.name} is not what its digest in the listing says")


def _delivered(folder: Path, artifact: Artifact, path: Path) -> Delivered:
    record = index.load(path)
    _check_header(artifact, record)
    return Delivered(
        file=folder / artifact.name,
        record=path,
        size=artifact.size,
        nevra=record.nevra,
        sha256=record.sha256,
        source=record.source,
        promise=record.promise,
    )


def _check_header(artifact: Artifact, record: PackageRecord) -> None:
    """Check that the RPM is what the listing says, and that its file has the name of its content."""
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


def _check_origin(order: Publish, packages: Sequence[Delivered]) -> None:
    """Check that the packages are the job's: one SRPM of the package that was ordered, and what was made from it."""
    sources = [package for package in packages if package.source is None]
    if len(sources) != 1:
        raise InvalidError(f"the listing names {len(sources)} source packages instead of the one that was built")
    srpm, name = sources[0].file.name, nevra.parse(sources[0].nevra)
    if name.name != nevra.parse(order.srpm.removesuffix(".rpm")).name:
        raise InvalidError(f"{srpm} was delivered, but {order.srpm} was to be built")
    if order.evr is not None and name.evr != nevra.parse_evr(order.evr):
        raise InvalidError(f"{srpm} has the version {name.evr.text}, but the slave said that it built {order.evr}")
    for package in packages:
        if package.source not in {None, srpm}:
            raise InvalidError(f"{package.file.name} comes from {package.source}, not from {srpm}")
        why = broken(sources[0].promise or Promise(), nevra.parse(package.nevra)) if package.source else None
        if why is not None:
            raise InvalidError(f"{package.file.name} cannot be made from {srpm}: {why}")
