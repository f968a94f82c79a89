"""A disk that is full, without a disk that is full."""

import errno
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from builder import files


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """Within the block the kernel refuses to let any file grow beyond `size` bytes, after filling it up to there."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def failing(operation: str, name: str) -> Iterator[None]:
    """Within the block an operation of `builder.files` finds no room, if it is about a file of this name."""

    def fail(one: str, path: Path) -> None:
        if (one, path.name) == (operation, name):
            raise OSError(errno.ENOSPC, "No space left on device")

    files.before.append(fail)
    try:
        yield
    finally:
        files.before.remove(fail)
