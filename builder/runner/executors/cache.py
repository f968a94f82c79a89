"""dnf's cache, kept between attempts: one folder for each attempt that works at the same time.

Two dnf that share a cache wait for each other, and in process namespaces of their own they do not even know it: dnf's
lock is a process number.
"""

import fcntl
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from builder.attempt import kept


@contextmanager
def cache_slot(folder: Path, chroot: str) -> Iterator[Path]:
    """Give the first cache of `chroot` that nobody uses to this attempt alone."""
    for number in itertools.count():
        path = folder / f"{chroot}.{number}"
        kept.use(path)
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            if _locked(descriptor):
                yield path
                return
        finally:
            os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
