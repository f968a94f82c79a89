"""The logs of attempts: files that only grow, addressed by offset. A file's length is how much the master has.

logs/<build>/<job>/<fence>/log, and beside it in kept/ other files of a success for people to read: other logs, and
the inputs of the build root. Published packages leave incoming/; these stay.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from twisted.internet.defer import Deferred

from builder import files
from builder.errors import TooLargeError
from builder.master import disk
from builder.master.bell import Bell

LONGEST: Final = 1 << 30
"""Bytes of the longest log that is taken: many times that of the largest packages, and a small part of a disk."""

_Key = tuple[int, str, int]


class Logs:
    """The folder `logs/`. An attempt is named by build, job and fence."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._bells: dict[_Key, Bell] = {}

    def path(self, build: int, job: str, fence: int) -> Path:
        """Return the path of the log of an attempt."""
        return self._folder / str(build) / job / str(fence) / "log"

    def keep(self, build: int, job: str, fence: int, delivered: Iterable[Path]) -> None:
        """Keep these files, whatever becomes of them where they are now."""
        kept = self.path(build, job, fence).with_name("kept")
        files.make_folder(kept)
        for path in delivered:
            files.link(path, kept / path.name)
        files.sync(kept)

    def kept(self, build: int, job: str, fence: int, name: str) -> bytes | None:
        """Return the content of a file that is kept, None if it is not."""
        try:
            return (self.path(build, job, fence).parent / "kept" / name).read_bytes()
        except FileNotFoundError:
            return None

    def length(self, build: int, job: str, fence: int) -> int:
        """Return the length of a log in bytes."""
        try:
            return self.path(build, job, fence).stat().st_size
        except FileNotFoundError:
            return 0

    def builds(self) -> tuple[int, ...]:
        """Return the builds of which there are logs; `UnavailableError` if the disk is broken."""
        with disk.explained(self._folder):
            return tuple(int(path.name) for path in self._folder.iterdir() if path.name.isdecimal())

    def remove(self, build: int) -> None:
        """Remove the logs of a build; takes a while, and may be done in another thread."""
        files.remove_tree(self._folder / str(build))

    def removed(self, build: int) -> bool:
        """Tell if nothing is left of a build of which there were logs."""
        return not (self._folder / str(build)).exists()

    def read(self, build: int, job: str, fence: int, offset: int, limit: int) -> bytes:
        """Return up to `limit` bytes from `offset` on; nothing at or after the end."""
        try:
            with self.path(build, job, fence).open("rb") as file:
                file.seek(offset)
                return file.read(limit)
        except FileNotFoundError:
            return b""

    def changed(self, build: int, job: str, fence: int) -> Deferred[None]:
        """Return a Deferred that fires when there is more of the log, or the attempt has ended; may be cancelled."""
        return self._bells.setdefault((build, job, fence), Bell()).wait()

    def append(self, build: int, job: str, fence: int, offset: int, data: bytes) -> int:
        """Append the new bytes of `data`, whose first byte belongs at `offset`; return the log's length afterwards.

        Nothing is written if that would leave a gap.

        Raises:
            TooLargeError: The log would be longer than `LONGEST`.
            UnavailableError: The disk is full.
        """
        path = self.path(build, job, fence)
        length = self.length(build, job, fence)
        new = data[length - offset :] if offset <= length else b""
        if not new:
            return length
        if length + len(new) > LONGEST:
            raise TooLargeError(f"its log is longer than {LONGEST >> 20} MiB")
        if not length:
            with disk.explained(path.parent):
                files.make_folder(path.parent)
        disk.append(path, length, new)
        self._ring((build, job, fence))
        return length + len(new)

    def sync(self, build: int, job: str, fence: int) -> None:
        """Make the log durable as it is; takes a while, and may be done in another thread.

        Raises:
            UnavailableError: The disk is broken.
        """
        path = self.path(build, job, fence)
        if path.exists():
            with disk.explained(path):
                files.sync(path)
                files.sync(path.parent)

    def closed(self, build: int, job: str, fence: int) -> None:
        """Wake those who wait for more: there is none."""
        self._ring((build, job, fence))

    def _ring(self, key: _Key) -> None:
        bell = self._bells.pop(key, None)
        if bell is not None:
            bell.ring()
