"""The janitor: it mends the caches that a killed mock leaves.

Processes, mounts and locks end with the keeper's namespaces, and the attempt's folder with the attempt. The caches
stay: the root's may be half written, and dnf's holds locks that are process numbers, of a process namespace that is
gone: any process of the next one may have that number.
"""

import fcntl
from contextlib import suppress
from pathlib import Path

from builder import files

_ARCHIVES = "cache.tar*"
_WRITTEN, _LOCK = "cache.log", "rootcache.lock"
"""The files that mock writes when the archive is complete, and locks while it works on it."""


def mend(roots: Path, packages: Path) -> None:
    """Make the caches usable: that of the root, which others may use now, and that of dnf, ours alone."""
    for lock in packages.glob("*/dnf_cache/*.pid"):
        files.remove(lock)
    with (roots / _LOCK).open("a+") as lock_file:
        try:
            fcntl.lockf(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return  # somebody reads or writes it, so it is, or becomes, whole
        for archive in roots.glob(_ARCHIVES):
            if not _is_whole(archive, roots / _WRITTEN):
                files.remove(archive)


def _is_whole(archive: Path, written: Path) -> bool:
    with suppress(FileNotFoundError):
        return written.stat().st_mtime_ns >= archive.stat().st_mtime_ns
    return False
