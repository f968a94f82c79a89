"""Order files: the files that orders name. A slave gets an SRPM from the master, and only one that it has to build."""

from functools import partial
from pathlib import Path
from typing import BinaryIO

from builder.errors import NotFoundError
from builder.master import disk
from builder.master.store import artifacts
from builder.master.store.database import Store
from builder.state import StateFolder
from builder.wire import CHUNK, FetchFile, FilePart


class OrderFiles:
    """Order files, read from the folder `incoming/`."""

    def __init__(self, store: Store, state: StateFolder) -> None:
        self._store = store
        self._state = state

    async def part(self, slave: str, request: FetchFile) -> FilePart:
        """Return a part of a file; the slave's leave is checked each time, since its order may have ended.

        Raises:
            NotFoundError: No order that this slave is at work on names such a file, or it is gone.
            UnavailableError: The file cannot be read.
        """
        path = await self._path(slave, request.sha256)
        with disk.explained(path), _opened(path) as file:
            size = file.seek(0, 2)
            file.seek(request.offset)
            return FilePart(size=size, data=file.read(CHUNK))

    async def _path(self, slave: str, sha256: str) -> Path:
        stored = await self._store.read(partial(artifacts.ordered_by, slave=slave, sha256=sha256))
        if stored is None:
            raise NotFoundError(f"no order that slave {slave} is at work on names a file {sha256}")
        return self._state.delivery(stored.build, stored.job, stored.fence) / stored.artifact.name


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        raise NotFoundError(f"{path} is not there any more") from error
