"""The tags of an RPM, read from its bytes, and the digests that it says of itself, compared with them.

An RPM is a lead, a header of signatures and digests, the header, and the payload; see "Package format" and "Tags" in
rpm's reference manual. rpm 4.14 and newer write the digests that are looked at here.
"""

import hashlib
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from builder.errors import InvalidError

Texts = Mapping[int, tuple[str, ...]]
"""The values of tags that are texts or lists of texts, by the tags' numbers."""

EXCLUDE_ARCH, EXCLUSIVE_ARCH, BUILD_ARCHS = 1059, 1061, 1089
_HEADER_DIGEST, _PAYLOAD_DIGEST = 273, 5092
_LEAD = 96
_MAGIC = b"\x8e\xad\xe8\x01"
_HEAD = struct.Struct(">4s4xII")
"""The beginning of a header: its magic, the number of its entries, and of the bytes they point into."""
_ENTRY = struct.Struct(">IIII")
"""An entry: tag, type, offset, count."""
_LARGEST = 256 << 20
"""Bytes of the largest header that rpm accepts."""
_TEXTS = frozenset({6, 8})
"""The types of a text and of a list of texts."""
_PIECE = 1 << 20


def verified(path: Path) -> Texts:
    """Return the texts in the header of the RPM at `path`, after a check of its digests.

    Raises:
        InvalidError: Its header or payload is not what its digests say, or it has none.
    """
    with path.open("rb") as file:
        file.seek(_LEAD)
        signature = _header(file)
        file.seek(-len(signature) % 8, os.SEEK_CUR)
        header = _header(file)
        said = _texts(signature, frozenset({_HEADER_DIGEST}))
        if said.get(_HEADER_DIGEST) != (hashlib.sha256(header).hexdigest(),):
            raise InvalidError("its header is not what its digest says")
        found = _texts(header, frozenset({_PAYLOAD_DIGEST, EXCLUDE_ARCH, EXCLUSIVE_ARCH, BUILD_ARCHS}))
        payload = hashlib.sha256()
        while piece := file.read(_PIECE):
            payload.update(piece)
        if found.get(_PAYLOAD_DIGEST) != (payload.hexdigest(),):
            raise InvalidError("its payload is not what its digest says")
    return found


def _header(file: BinaryIO) -> bytes:
    """Return the header that begins here."""
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        raise InvalidError("its header ends too early")
    magic, count, size = _HEAD.unpack(head)
    length = count * _ENTRY.size + size
    if magic != _MAGIC or length > _LARGEST:
        raise InvalidError("its header is damaged")
    body = file.read(length)
    if len(body) < length:
        raise InvalidError("its header ends too early")
    return head + body


def _texts(header: bytes, tags: frozenset[int]) -> dict[int, tuple[str, ...]]:
    """Return the values of those of these tags that are there and are texts."""
    _, entries, _ = _HEAD.unpack_from(header)
    start = _HEAD.size + entries * _ENTRY.size
    found = {}
    for tag, kind, offset, count in _ENTRY.iter_unpack(header[_HEAD.size : start]):
        if tag in tags and kind in _TEXTS:
            values = header[start + offset :].split(b"\0", count)[:count]
            found[tag] = tuple(value.decode(errors="replace") for value in values)
    return found
