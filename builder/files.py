"""Files: every rename, link, unlink and fsync of the product.

Publishing is a rename: a file that others may read is made complete beside its place, synced, and moved there. All of
it goes through here, so that a test can stop the process at each point: `before` is called with the name of the
operation and the path it is about to change.
"""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

_NEW = ".new"
"""The end of the name of a file that is not complete yet."""

before: list[Callable[[str, Path], None]] = []
"""Functions that are called ahead of every change, in order; empty outside of tests."""


def _announce(operation: str, path: Path) -> None:
    for hook in before:
        hook(operation, path)


def sync(path: Path) -> None:
    """Make the content of a file, or the entries of a folder, durable (fsync(2))."""
    _announce("sync", path)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)  # noqa: TID251
    finally:
        os.close(descriptor)


def make_folder(path: Path) -> None:
    """Make a folder, with the ones above it that are missing, durably."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(exist_ok=True)
        sync(path.parent)


def rename(source: Path, target: Path) -> None:
    """Rename within one file system, replacing a file or an empty folder at `target` (rename(2)).

    The rename is durable when the folder is synced.
    """
    _announce("move", target)
    os.rename(source, target)  # noqa: TID251, PTH104


def move(source: Path, target: Path) -> None:
    """Rename within one file system, replacing a file or an empty folder at `target`, durably."""
    rename(source, target)
    sync(target.parent)


def link(source: Path, target: Path) -> None:
    """Give the file `source` the further name `target`; nothing happens where it already is that file."""
    _announce("link", target)
    try:
        os.link(source, target)  # noqa: TID251
    except FileExistsError:
        if not source.samefile(target):
            raise


def remove(path: Path) -> None:
    """Remove a file or a symbolic link, or nothing if it is gone."""
    _announce("remove", path)
    path.unlink(missing_ok=True)


def remove_tree(path: Path) -> None:
    """Remove a folder with all it holds, or nothing if it is gone."""
    _announce("remove", path)
    if path.is_dir():
        shutil.rmtree(path)  # noqa: TID251


def discard(path: Path, waste: Path) -> None:
    """Remove a folder at once: nobody sees part of it, since it is taken apart in the folder `waste`.

    A call that has failed in the middle is finished by another one.
    """
    gone = waste / path.name
    if path.exists():
        move(path, gone)
    remove_tree(gone)


def write(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Put a complete, durable file at `path`: readers see the old content or the new one, never part of it."""
    beside = _beside(path)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        _announce("sync", beside)
        os.fsync(file.fileno())  # noqa: TID251
    move(beside, path)


def symlink(target: str, path: Path) -> None:
    """Make `path` a symbolic link to `target`, replacing an older link by rename."""
    beside = _beside(path)
    _announce("link", beside)
    beside.symlink_to(target)
    move(beside, path)


def remove_begun(folder: Path) -> None:
    """Remove what interrupted calls of `write` and `symlink` have left in a folder; the files in their places stay."""
    for path in folder.glob(f".*{_NEW}"):
        remove(path)


def _beside(path: Path) -> Path:
    """Return the name that a new `path` has until it is complete, and remove what an earlier life has left there."""
    beside = path.with_name(f".{path.name}{_NEW}")
    if os.path.lexists(beside):
        remove(beside)
    return beside


def entries(folder: Path) -> tuple[Path, ...]:
    """Return the paths in a folder, in no order; none if the folder is not there."""
    return tuple(folder.iterdir()) if folder.is_dir() else ()


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
