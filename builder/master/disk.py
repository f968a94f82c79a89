"""The disk: its errors as sentences. A full disk is no bug, and whoever sent something sends it again later."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from builder.errors import UnavailableError


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Tell of an error with `path` as an `UnavailableError`."""
    try:
        yield
    except OSError as error:
        raise UnavailableError(f"the master cannot use {path}: {error.strerror or error}") from error


def append(path: Path, offset: int, data: bytes) -> None:
    """Append `data` to a file of `offset` bytes; all of it or nothing.

    Raises:
        UnavailableError: The disk is full or broken, or the file has another length than it should have.
    """
    with explained(path), path.open("ab", buffering=0) as file:
        if file.tell() != offset:
            raise UnavailableError(f"{path} has {file.tell()} bytes instead of {offset}: somebody has changed it")
        try:
            written = 0
            while written < len(data):
                written += file.write(data[written:])
        except OSError:
            file.truncate(offset)
            raise
