"""Folders that are kept for later, each by its last use, and removed when nobody has used them for long.

These are the clones of repositories, the caches of dnf and mock, and the attempts that were parked for somebody to look
at. A folder's time of change says when it was used last.
"""

import os
import time
from contextlib import suppress
from pathlib import Path

from builder import files

UNUSED_AFTER = 30 * 86400.0
"""Seconds without use after which a folder is removed."""
_GONE = ".gone."
"""The beginning of the name of a folder that is being removed."""


def use(folder: Path) -> None:
    """Make `folder`, or note that it is used now."""
    folder.mkdir(parents=True, exist_ok=True)
    os.utime(folder)


def prune(place: Path) -> None:
    """Remove the folders in `place` that are too old; one that cannot be removed is tried again the next time."""
    oldest = time.time() - UNUSED_AFTER  # noqa: TID251 - compared with the times of files, in runners too
    for folder in place.iterdir():
        with suppress(OSError):  # another runner may remove it too
            if folder.name.startswith(_GONE):
                files.remove_tree(folder)
            elif folder.stat().st_mtime < oldest:
                _remove(folder)


def prune_to(place: Path, most: int) -> None:
    """Remove the longest unused of the folders in `place`, until the files in the others have `most` bytes."""
    found = []
    for folder in place.iterdir():
        with suppress(OSError):
            found.append((folder.stat().st_mtime, sum(file.stat().st_size for file in folder.iterdir()), folder))
    for _, size, folder in sorted(found, reverse=True):
        most -= size
        if most < 0:
            with suppress(OSError):
                _remove(folder)


def _remove(folder: Path) -> None:
    gone = folder.with_name(f"{_GONE}{folder.name}")
    files.move(folder, gone)  # first, so that nobody ever finds half of it
    files.remove_tree(gone)
