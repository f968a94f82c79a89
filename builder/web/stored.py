"""Stored files as answers: ranges, validators, and how long they may be kept."""

import os
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import BinaryIO

from builder.errors import NotFoundError
from builder.web.answers import Answer, Stream
from builder.web.conditions import Evaluation, Version, wanted
from builder.web.sink import PIECE
from builder.web.visit import Conditions

FOREVER = "public, max-age=31536000, immutable"
"""The header for files that never change under their address."""

ASK_AGAIN = "no-cache"
"""The header for files that may be kept, but are asked for again before they are used."""


def answer(path: Path, conditions: Conditions, content_type: str, keep: str) -> Answer:
    """Return the file at `path`, or the part of it that is wanted.

    Raises:
        NotFoundError: There is no such file, or it is none.
    """
    try:
        file = path.open("rb")
    except OSError:
        raise NotFoundError(f"there is no file {path.name}") from None
    version = _version(file)
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": keep,
        "ETag": version.etag,
        "Last-Modified": version.last_modified,
    }
    match wanted(conditions, version):
        case Evaluation.NOT_MODIFIED:
            file.close()
            return Answer(status=304, content_type=content_type, headers=headers)
        case Evaluation.UNSATISFIABLE:
            file.close()
            headers["Content-Range"] = f"bytes */{version.size}"
            return Answer(status=416, content_type=content_type, headers=headers)
        case Evaluation.WHOLE:
            status, start, stop = 200, 0, version.size
        case part:
            status, start, stop = 206, part.start, part.stop
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{version.size}"
    body = Stream(chunks=_pieces(file, start, stop), length=stop - start, close=file.close)
    return Answer(status=status, content_type=content_type, body=body, headers=headers)


def _version(file: BinaryIO) -> Version:
    """Return the version of a file: a replaced one gets another inode, one that is written to another time or size."""
    status = os.fstat(file.fileno())
    etag = f'"{status.st_ino:x}-{status.st_size:x}-{status.st_mtime_ns:x}"'
    return Version(etag=etag, modified=int(status.st_mtime), size=status.st_size)


async def _pieces(file: BinaryIO, start: int, stop: int) -> AsyncGenerator[bytes, None]:
    file.seek(start)
    while start < stop:
        piece = file.read(min(PIECE, stop - start))
        if not piece:  # cut off while it was read: the connection is closed short of the promised length
            raise EOFError(f"{file.name} ends at {start} of {stop} bytes")
        start += len(piece)
        yield piece
