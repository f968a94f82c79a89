"""The pool: every package once, by the SHA-256 of what is served, with its index record and its card beside it.

Who needs a package is what the manifests of the repositories say, never how many links a file has: a copy of the
folders may have lost them. Nothing is removed until every repository has said what it needs.

It is the one thing that projects share, and several threads work with it, each on other repositories: whether somebody
needs a package and whether it is there change only under a lock, which is held for a few names at a time.
"""

import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from builder import files
from builder.errors import ConflictError, InvalidError, UnavailableError
from builder.repo import card, index
from builder.repo.headers import HeaderReader, record_path
from builder.repo.index import PackageRecord
from builder.state import StateFolder

_RPM = ".rpm"
_READ = (index.SUFFIX, card.SUFFIX)
"""The endings of the files beside a package into which its header was read."""


class Pool:
    """The folder `pool/`, whose first level is the first two digits of the digest."""

    def __init__(self, state: StateFolder, read: HeaderReader) -> None:
        self._state = state
        self._read = read
        self._held: dict[str, frozenset[str]] = {}
        self._unknown: set[str] = set()
        self._left: set[str] = set()
        self._lock = threading.Lock()

    def path(self, sha256: str) -> Path:
        """Return the place of the package with this digest, if it is there."""
        return self._state.package(sha256)

    def has(self, sha256: str) -> bool:
        """Tell if the package with this digest is there, with its record and its card."""
        return all(self.path(sha256).with_suffix(suffix).exists() for suffix in (_RPM, *_READ))

    def records(self, digests: Iterable[str]) -> Iterator[PackageRecord]:
        """Yield the records of these packages, one after the other."""
        return (index.load(self._index(sha256)) for sha256 in digests)

    def take(self, sha256: str, file: Path, record: Path) -> None:
        """Make the RPM `file`, checked before, and its record with the card beside it durably part of the pool."""
        if self.has(sha256):
            return
        path = self.path(sha256)
        files.make_folder(path.parent)
        for suffix in _READ:
            files.sync(record.with_suffix(suffix))
        if not path.exists():
            files.sync(file)
        with self._lock:
            for suffix in _READ:
                files.rename(record.with_suffix(suffix), path.with_suffix(suffix))
            if not path.exists():
                files.link(file, path)
        files.sync(path.parent)

    def mend(self, packages: Mapping[str, Path], staging: Path) -> None:
        """Take the missing ones of these packages again from their files in the repository, given by their digests.

        Raises:
            UnavailableError: A file is not what its digest says, or cannot be read at the moment.
        """
        there = {sha256: file for sha256, place in packages.items() if (file := self._source(sha256, place))}
        if not there:
            return
        staging.mkdir()
        try:
            self._read(tuple(there.values()), staging)
        except InvalidError as error:
            damaged = next((file for sha256, file in there.items() if files.sha256(file) != sha256), "a package")
            raise UnavailableError(f"{damaged} is damaged: {error}") from error
        for number, (sha256, file) in enumerate(there.items()):
            record = record_path(staging, number)
            if index.load(record).sha256 != sha256:
                raise UnavailableError(f"{file} is damaged: its digest is not {sha256} any more")
            self.take(sha256, file, record)
        files.remove_tree(staging)

    def renew(self, places: Mapping[str, tuple[Path, str]], staging: Path) -> Iterator[str]:
        """Make these packages whole in the pool, and remove damaged files at their places in a repository.

        `places` has the path and the digest of each package by its name for people; the names of those that were not
        whole are yielded.

        Raises:
            ConflictError: A package is damaged here and there; nothing is removed.
        """
        here = {name: self._is(self.path(sha256), sha256) for name, (_, sha256) in places.items()}
        there = {name: self._is(place, sha256) for name, (place, sha256) in places.items()}
        if lost := [name for name in places if not here[name] and not there[name]]:
            name = lost[0]
            path = self.path(places[name][1])
            raise ConflictError(
                f"{name} is damaged in the pool and in the repository ({len(lost)} in all are): put {path} back"
            )
        for name, (place, sha256) in places.items():
            if not here[name]:
                files.remove(self.path(sha256))
            if not self.path(sha256).exists() or self._unreadable(sha256):
                self._forget(sha256)
                self.mend({sha256: place if there[name] else self.path(sha256)}, staging)
                yield name
            if not there[name]:
                files.remove(place)
                yield name

    def fault(self, sha256: str) -> str:
        """Return the fault of a package in the pool, empty if it has none."""
        if not self.path(sha256).exists():
            return "is not in the pool"
        if not self._is(self.path(sha256), sha256):
            return "is damaged in the pool"
        lacking = self._unreadable(sha256)
        return f"has no {lacking} in the pool that can be read" if lacking else ""

    def _is(self, path: Path, sha256: str) -> bool:
        return path.is_file() and files.sha256(path) == sha256

    def _unreadable(self, sha256: str) -> str:
        """Return which of `record` and `card` of a package is not there, or is damaged; empty if neither is."""
        lacking = "record"
        try:
            if index.load(self._index(sha256)).sha256 == sha256:
                lacking = "card"
                card.load(self.path(sha256).with_suffix(card.SUFFIX))
                lacking = ""
        except (OSError, UnavailableError):
            pass
        return lacking

    def await_word_of(self, repository: str) -> None:
        """Remove nothing until this repository, which was there before, has said which packages it needs."""
        self._unknown.add(repository)

    def hold(self, repository: str, digests: frozenset[str]) -> None:
        """Note that `repository` needs these packages, too."""
        with self._lock:
            self._held[repository] = self._held.get(repository, frozenset()) | digests

    def release(self, repository: str, needed: frozenset[str]) -> None:
        """Note that `repository` needs these packages and no others, and remove those that nobody needs any more."""
        with self._lock:
            self._unknown.discard(repository)
            self._left |= self._held.get(repository, frozenset()) - needed
            self._held[repository] = needed
        self._remove()

    def sweep(self) -> None:
        """Remove all packages that no repository needs, such as those that an interrupted publish has left."""
        if self._unknown:
            return
        for folder in self._state.pool.iterdir():
            names = {path.name for path in folder.iterdir()}
            digests = {name.partition(".")[0] for name in names if name.endswith((_RPM, *_READ))}
            self._left |= digests
            self._remove()
            for name in names:
                if not name.endswith((_RPM, *_READ)):
                    files.remove(folder / name)

    def _remove(self) -> None:
        """Remove packages that some repository has left and nobody needs, each before its record and its card.

        A package that cannot be removed at the moment is removed when this is called again.
        """
        if self._unknown:
            return
        with self._lock:
            left = sorted(self._left)
        for sha256 in left:
            with self._lock:
                if not any(sha256 in held for held in self._held.values()):
                    files.remove(self.path(sha256))
                    self._forget(sha256)
                self._left.discard(sha256)

    def _forget(self, sha256: str) -> None:
        """Remove the record and the card of a package."""
        for suffix in _READ:
            files.remove(self.path(sha256).with_suffix(suffix))

    def _source(self, sha256: str, place: Path) -> Path | None:
        """Return the file from which a package that is not whole can be taken, None if there is none."""
        if self.has(sha256):
            return None
        return next((file for file in (self.path(sha256), place) if file.exists()), None)

    def _index(self, sha256: str) -> Path:
        return self.path(sha256).with_suffix(index.SUFFIX)
