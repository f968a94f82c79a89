"""The pool: every package once, by the SHA-256 of what is served, with its index record beside it.

A repository holds hard links to it, so the number of links of a file says whether anybody needs it. The record is
written before the package and removed after it: a package in the pool always has one.
"""

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from builder import files
from builder.repo import index
from builder.repo.index import Record

_RPM = ".rpm"
_INDEX = ".index"


class Pool:
    """The folder `pool/`, whose first level is the first two digits of the digest."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, sha256: str) -> Path:
        """Where the package with this digest is, if it is there."""
        return self._folder / sha256[:2] / f"{sha256}{_RPM}"

    def take(self, file: Path, record: Record) -> None:
        """Make the RPM `file`, checked before, durably part of the pool."""
        path = self.path(record.sha256)
        if path.exists():
            return
        files.make_folder(path.parent)
        index.save(record, path.with_suffix(_INDEX))
        files.sync(file)
        files.link(file, path)
        files.sync(path.parent)

    def records(self, digests: Iterable[str]) -> Iterator[Record]:
        """The records of these packages, one after the other."""
        return (index.load(self.path(sha256).with_suffix(_INDEX)) for sha256 in digests)

    def discard(self, digests: Collection[str]) -> None:
        """Remove those of these packages to which no repository links."""
        for sha256 in digests:
            path = self.path(sha256)
            if path.exists() and path.stat().st_nlink == 1:
                files.remove(path)
            if not path.exists():
                files.remove(path.with_suffix(_INDEX))

    def sweep(self) -> None:
        """Remove what an interrupted publish left: packages nobody links to, records alone, files half written."""
        for folder in self._folder.iterdir():
            names = {path.name for path in folder.iterdir()}
            self.discard({name.removesuffix(_RPM) for name in names if name.endswith(_RPM)})
            self.discard({name.removesuffix(_INDEX) for name in names if name.endswith(_INDEX)})
            for name in names:
                if not name.endswith((_RPM, _INDEX)):
                    files.remove(folder / name)
