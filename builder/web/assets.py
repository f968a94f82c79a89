"""The assets `/static/…`: the pages' style, script and picture, each under an address that changes with its content."""

import hashlib
from pathlib import Path

from builder.errors import NotFoundError
from builder.model import Label, Value
from builder.web import stored
from builder.web.answers import Answer
from builder.web.visit import Visit

FOLDER = Path(__file__).parent / "static"
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


class Asset(Value, frozen=True, kw_only=True):
    """A file of the pages; `v` is the beginning of its digest, and makes the address good forever."""

    name: Label
    v: str = ""


class Assets:
    """The files of the folder `static/`."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self._digests = {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:12]
            for path in folder.iterdir()
            if path.suffix in _TYPES
        }

    def address(self, name: str) -> str:
        """Return the address of a file, with its digest."""
        return f"/static/{name}?v={self._digests[name]}"

    async def file(self, asked: Asset, visit: Visit) -> Answer:
        """Return one file."""
        digest = self._digests.get(asked.name)
        if digest is None:
            raise NotFoundError(f"there is nothing at /static/{asked.name}")
        path = self._folder / asked.name
        keep = stored.FOREVER if asked.v == digest else stored.ASK_AGAIN
        return stored.answer(path, visit.conditions, _TYPES[path.suffix], keep)
