"""The state folder: what has to be there before a master can work in it, and that there is only one master."""

import os
from pathlib import Path

from builder import files, lock
from builder.errors import InvalidError, UnavailableError

DATABASE = "builder.db"
LOGS = "logs"
INCOMING = "incoming"
SHARED = (INCOMING, LOGS, "pool", "repos")
"""The folders between which files move by linking and renaming."""
LOCK = "master.lock"


class Premises:
    """A state folder, held by this process until `leave`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock: int | None = None

    def enter(self) -> None:
        """Hold the folder, and make what is missing in it.

        Raises:
            ConflictError: Another master holds it.
            InvalidError: Its folders are not on one file system.
            UnavailableError: It cannot be written.
        """
        try:
            files.make_folder(self._folder)
            self._lock = lock.hold(self._folder / LOCK, "master")
            for name in SHARED:
                files.make_folder(self._folder / name)
        except OSError as error:
            raise UnavailableError(f"the state folder {self._folder} cannot be used: {error.strerror}") from error
        if len({(self._folder / name).stat().st_dev for name in SHARED}) > 1:
            names = ", ".join(SHARED)
            raise InvalidError(f"{names} in {self._folder} must be on one file system: files are linked between them")

    def leave(self) -> None:
        """Hold the folder no longer."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
