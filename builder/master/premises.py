"""The premises: the state folder in which a master works, and in which there is only one."""

import os

from builder import files, lock
from builder.errors import InvalidError, UnavailableError
from builder.state import StateFolder


class Premises:
    """A state folder, held by this process until `leave`."""

    def __init__(self, state: StateFolder) -> None:
        self._state = state
        self._shared = (state.incoming, state.logs, state.pool, state.repos)  # files move between these by linking
        self._lock: int | None = None

    def enter(self) -> None:
        """Hold the folder, and make the missing folders in it.

        Raises:
            ConflictError: Another master holds it.
            InvalidError: Its folders are not on one file system.
            UnavailableError: It cannot be written.
        """
        try:
            files.make_folder(self._state.path)
            self._lock = lock.hold(self._state.master_lock, "master")
            for folder in self._shared:
                files.make_folder(folder)
        except OSError as error:
            raise UnavailableError(f"the state folder {self._state.path} cannot be used: {error.strerror}") from error
        if len({folder.stat().st_dev for folder in self._shared}) > 1:
            names, path = ", ".join(folder.name for folder in self._shared), self._state.path
            raise InvalidError(f"{names} in {path} must be on one file system: files are linked between them")

    def leave(self) -> None:
        """Release the folder."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
