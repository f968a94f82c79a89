"""The delivery of one attempt, while it comes: the folder `incoming/<build>/<job>/<fence>/`.

A file that is on its way has a partial name that no artifact can have, `.NAME.part`; its length is the offset to go
on from, after a restart of either side too. It gets its own name when it is whole, its digest is right and it is on
the disk. The listing comes last and names what there has to be; the repository builder looks at nothing without one.
"""

import hashlib
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol, TypeVar

import msgspec

from builder import files
from builder.errors import ConflictError, DigestError, InvalidError, TooLargeError
from builder.master import disk
from builder.model.artifact import LISTING_LIMIT, LISTING_NAME, Artifact, ArtifactKind, Listing
from builder.model.dependencies import DEPENDENCIES_LIMIT, Dependencies

T = TypeVar("T")

LARGEST: Final = 64 << 30
"""Bytes of all artifacts of an attempt together: more than any image that fits on a disc or stick."""
MOST_FILES: Final = 5001
"""Most files of a delivery: as many artifacts as a listing can name, and the listing."""
PIECE: Final = 8 << 20
"""Bytes that are hashed at once: a master that stops does not wait for more."""


class Aside(Protocol):
    """A function that does work that takes a while in another thread."""

    def __call__(self, work: Callable[[], T]) -> Awaitable[T]:
        """Do `work`, and return what it returns."""


class _Part:
    """A file on its way, with the number of its bytes that are there, and their digest."""

    def __init__(self, path: Path, artifact: Artifact) -> None:
        self.path = path
        self.artifact = artifact
        self.length = 0
        self.digest: Any = hashlib.sha256()

    async def take_up(self, aside: Aside) -> None:
        """Continue with the bytes that an earlier life has received; empty a file that has more than it should."""
        await aside(self._prepare)
        self.digest, self.length = await _hashed(self.path, aside)

    def _prepare(self) -> None:
        files.make_folder(self.path.parent)
        self.path.touch()
        if self.path.stat().st_size > self.artifact.size:
            files.remove(self.path)
            self.path.touch()

    def append(self, offset: int, data: bytes) -> None:
        """Append the new bytes of `data`, unless that would leave a gap."""
        new = data[self.length - offset :] if offset <= self.length else b""
        if self.length + len(new) > self.artifact.size:
            raise InvalidError(f"{self.artifact.name} is longer than the {self.artifact.size} bytes announced")
        disk.append(self.path, self.length, new)
        self.digest.update(new)
        self.length += len(new)


class Delivery:
    """The folder of one attempt; one call at a time."""

    def __init__(self, folder: Path, aside: Aside) -> None:
        self._folder = folder
        self._aside = aside
        self._parts: dict[str, _Part] = {}
        self._whole: dict[str, str] = {}
        self._announced: dict[str, int] = {}

    async def begin(self, artifact: Artifact) -> int:
        """Begin an artifact; return the offset from which it is wanted, its size when it is there.

        Raises:
            InvalidError: The artifact is a listing by its name or by its kind, but not by both.
            TooLargeError: The artifact is too large to be taken, or one too many.
            DigestError: The artifact was there already, and is not what it should be; it has to come again.
            UnavailableError: The disk is full, or broken.
        """
        name = artifact.name
        if (artifact.kind is ArtifactKind.LISTING) != (name == LISTING_NAME):
            raise InvalidError(
                f"the listing, and nothing else, is called {LISTING_NAME}; not the {artifact.kind.value} {name}"
            )
        self._announce(artifact)
        if name in self._parts and self._parts[name].artifact == artifact:
            return await self._closed(self._parts[name])
        with disk.explained(self._folder):
            if await self._digest(name) == artifact.sha256:
                return artifact.size
            self._whole.pop(name, None)
            files.remove(self._folder / name)
            part = _Part(self._folder / f".{name}.part", artifact)
            await part.take_up(self._aside)
        self._parts[name] = part
        return await self._closed(part)

    async def append(self, name: str, offset: int, data: bytes) -> int:
        """Append bytes to an artifact that was begun; return the offset to go on from.

        Raises:
            InvalidError: The artifact was not begun, or is longer than announced.
            DigestError: The artifact is whole, but not what it should be; what there is of it is thrown away.
            UnavailableError: The disk is full, or broken.
        """
        part = self._parts.get(name)
        if part is None:
            if name in self._whole:
                return (self._folder / name).stat().st_size
            raise InvalidError(f"bytes of {name} came before it was begun")
        part.append(offset, data)
        return await self._closed(part)

    async def complete(self, attempt: str) -> Listing:
        """Return the listing of a delivery that is there as a whole; files that it does not name are removed.

        Raises:
            ConflictError: A file is missing, or not what the listing says; it may come yet.
            InvalidError: The listing is none, and will not become one.
            UnavailableError: The disk is broken.
        """
        with disk.explained(self._folder):
            if await self._digest(LISTING_NAME) is None:
                raise ConflictError(f"the listing of attempt {attempt} is not there")
            listing = _decoded((self._folder / LISTING_NAME).read_bytes(), attempt)
            for artifact in listing.artifacts:
                if await self._digest(artifact.name) != artifact.sha256:
                    raise ConflictError(f"{artifact.name} is listed, but is not there as it is listed")
                if (self._folder / artifact.name).stat().st_size != artifact.size:
                    raise ConflictError(f"{artifact.name} is listed with another size than it has")
            self._tidy({LISTING_NAME, *(artifact.name for artifact in listing.artifacts)})
        return listing

    async def dependencies(self, listing: Listing) -> Dependencies | None:
        """Return the dependencies of the package by a complete delivery; None where it has none.

        Raises:
            InvalidError: The delivery has them more than once, at too great a length, or in another form.
        """
        own = [artifact for artifact in listing.artifacts if artifact.kind is ArtifactKind.DEPENDENCIES]
        if not own:
            return None
        if len(own) > 1 or own[0].size > DEPENDENCIES_LIMIT:
            raise InvalidError(f"its dependencies are more than one file of at most {DEPENDENCIES_LIMIT} bytes")
        path = self._folder / own[0].name
        with disk.explained(self._folder):
            return await self._aside(lambda: _dependencies(path))

    def _announce(self, artifact: Artifact) -> None:
        """Count an artifact, if there is room for it beside those that were announced before."""
        if artifact.name == LISTING_NAME and artifact.size > LISTING_LIMIT:
            raise TooLargeError(f"{LISTING_NAME} has {artifact.size} bytes; it may have {LISTING_LIMIT}")
        announced = self._announced | {artifact.name: artifact.size}
        if len(announced) > MOST_FILES or sum(announced.values()) > LARGEST:
            raise TooLargeError(
                f"an attempt may deliver {MOST_FILES} files of together {LARGEST} bytes; "
                f"{artifact.name} with its {artifact.size} bytes is more than that"
            )
        self._announced = announced

    async def _closed(self, part: _Part) -> int:
        """Give a part its name if it is whole; return the number of its bytes that are there."""
        name, wanted = part.artifact.name, part.artifact
        if part.length < wanted.size:
            return part.length
        if part.digest.hexdigest() != wanted.sha256:
            del self._parts[name]
            with disk.explained(part.path):
                files.remove(part.path)
            raise DigestError(f"{name} is not what its digest {wanted.sha256} says; it was thrown away")
        with disk.explained(part.path):
            await self._aside(lambda: _put(part.path, self._folder / name))
        del self._parts[name]
        self._whole[name] = wanted.sha256
        return part.length

    async def _digest(self, name: str) -> str | None:
        """Return the digest of a whole file, None if it is not there; an earlier life may have received it."""
        path = self._folder / name
        if name not in self._whole and path.exists():
            digest, _ = await _hashed(path, self._aside)
            self._whole[name] = digest.hexdigest()
        return self._whole.get(name)

    def _tidy(self, wanted: set[str]) -> None:
        for path in self._folder.iterdir():
            if path.name not in wanted:
                files.remove(path)


async def _hashed(path: Path, aside: Aside) -> tuple[Any, int]:
    """Return the SHA-256 of a file's content, computed piece by piece, and its length."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while await aside(partial(_fed, digest, file)):
            pass
        return digest, file.tell()


def _fed(digest: Any, file: BinaryIO) -> bool:
    data = file.read(PIECE)
    digest.update(data)
    return bool(data)


def _put(part: Path, target: Path) -> None:
    files.sync(part)
    files.move(part, target)


def _dependencies(path: Path) -> Dependencies:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Dependencies)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidError(f"{path.name} cannot be read: {error}") from error


def _decoded(text: bytes, attempt: str) -> Listing:
    try:
        listing = msgspec.json.decode(text, type=Listing)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidError(f"the listing of attempt {attempt} cannot be read: {error}") from error
    names = [artifact.name for artifact in listing.artifacts]
    if listing.attempt != attempt:
        raise InvalidError(f"the listing of attempt {attempt} is that of attempt {listing.attempt}")
    if len({LISTING_NAME, *names}) <= len(names):
        raise InvalidError(f"the listing of attempt {attempt} names a file twice, or itself")
    return listing
