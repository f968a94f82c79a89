"""Order files: a file that an order names comes from the master, and has its name only once its digest is verified."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from builder import files
from builder.errors import DigestError
from builder.model.artifact import Artifact
from builder.protocol import Peer
from builder.slave.pipeline import Pipeline
from builder.wire import CHUNK, FetchFile, FilePart

WINDOW = 16
"""Most parts that are asked for ahead of the answers."""


class OrderFile:
    """The file `artifact` on its way to `folder`; after a lost connection it goes on where it was."""

    def __init__(self, artifact: Artifact, folder: Path) -> None:
        self._artifact = artifact
        self._path = folder / artifact.name
        self._part = folder / f".{artifact.name}.part"
        self._digest = hashlib.sha256()
        self._size = 0

    @property
    def there(self) -> bool:
        """Tell if the file is there, whole and verified."""
        return self._path.exists()

    async def fetch(self, peer: Peer, wanted: Callable[[], bool]) -> None:
        """Fetch the file, as long as it is `wanted`.

        Raises:
            NotFoundError: The master does not have it.
            DigestError: The file that came is another one.
            UnavailableError: The connection is gone.
            OSError: It cannot be written.
        """
        self._part.parent.mkdir(exist_ok=True)
        asked_for = self._size
        with self._part.open("r+b" if self._size else "wb") as file, Pipeline[FilePart](WINDOW) as asked:
            file.seek(self._size)
            while self._size < self._artifact.size and wanted():
                while asked_for < self._artifact.size and not asked.full:
                    asked.add(peer.ask(FetchFile(sha256=self._artifact.sha256, offset=asked_for)))
                    asked_for += CHUNK
                part = await asked.next()
                self._take(part, file.write)
        if wanted():
            self._verify()

    def _take(self, part: FilePart, write: Callable[[bytes], object]) -> None:
        wanted = min(CHUNK, self._artifact.size - self._size)
        if part.size != self._artifact.size or len(part.data) != wanted:
            raise DigestError(f"{self._artifact.name} has {part.size} bytes at the master, not {self._artifact.size}")
        write(part.data)
        self._digest.update(part.data)
        self._size += len(part.data)

    def _verify(self) -> None:
        if self._digest.hexdigest() != self._artifact.sha256:
            raise DigestError(f"{self._artifact.name} does not arrive as the order says it is")
        files.move(self._part, self._path)
