"""The switching of several repositories together, and the record that is written before the first is switched.

An operation concerns several repositories, and each is switched by a rename of its own. All their generations are
made first. Then a record says which generation of which repository is to become current, and from that moment the
operation is done: whoever finds the record switches the rest. Until then it is not done, in any repository.
"""

from pathlib import Path

import msgspec

from builder import files
from builder.errors import VersionError
from builder.model import Value


class Switch(Value, frozen=True, kw_only=True):
    """A generation of a repository (`project/stage/distribution-version/arch`) that is to become current."""

    repository: str
    generation: int


class Switching:
    """The folder `switching/`, with one record for each project of which repositories are being switched."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def recover(self) -> None:
        """Remove the records that an earlier life has begun to write."""
        files.remove_begun(self._folder)

    def begin(self, project: str, switches: tuple[Switch, ...]) -> None:
        """Decide, durably, that these generations become current."""
        files.write(self._path(project), msgspec.json.encode(switches))

    def pending(self, project: str) -> tuple[Switch, ...]:
        """Return the switches that were decided and may not be done; `VersionError` if they cannot be read."""
        path = self._path(project)
        if not path.exists():
            return ()
        try:
            return msgspec.json.decode(path.read_bytes(), type=tuple[Switch, ...])
        except msgspec.MsgspecError as error:
            raise VersionError(f"{path} cannot be read by this version: {error}") from error

    def end(self, project: str) -> None:
        """Remove the record of switches that are done; whoever finds it again finds them done."""
        if self._path(project).exists():
            files.remove(self._path(project))

    def _path(self, project: str) -> Path:
        return self._folder / f"{project}.json"
