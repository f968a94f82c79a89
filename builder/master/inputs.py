"""The files that orders name: a slave gets an SRPM from the master, and only one that it has to build."""

from functools import partial
from pathlib import Path
from typing import Final

from builder.errors import NotFoundError
from builder.master import disk
from builder.master.store import artifacts
from builder.master.store.database import Store
from builder.wire import CHUNK, FetchFile, FilePart

REMEMBERED: Final = 1000
"""How many files are remembered to have been looked up."""


class Inputs:
    """Reads from the folder `incoming/`."""

    def __init__(self, store: Store, incoming: Path) -> None:
        self._store = store
        self._incoming = incoming
        self._found: dict[tuple[str, str], Path] = {}

    async def part(self, slave: str, request: FetchFile) -> FilePart:
        """A part of a file.

        Raises:
            NotFoundError: No order that this slave is at work on names such a file.
            UnavailableError: The file cannot be read.
        """
        path = await self._path(slave, request.sha256)
        with disk.explained(path), path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(request.offset)
            return FilePart(size=size, data=file.read(CHUNK))

    async def _path(self, slave: str, sha256: str) -> Path:
        key = (slave, sha256)
        if key not in self._found:
            stored = await self._store.read(partial(artifacts.ordered_by, slave=slave, sha256=sha256))
            if stored is None:
                raise NotFoundError(f"no order that slave {slave} is at work on names a file {sha256}")
            if len(self._found) >= REMEMBERED:
                self._found.clear()
            self._found[key] = (
                self._incoming / str(stored.build) / stored.job / str(stored.fence) / stored.artifact.name
            )
        return self._found[key]
