"""The seal on values of the database that it must not tell: AES-256-GCM with a key that is in a file of its own.

The file is beside the database in the state folder, and for nobody but the master; who has a backup of the database
alone opens nothing. A sealed value is bound to its place (project and name): in another row it does not open. The
file is read whenever it is needed, so that a file that is put back is good at once.
"""

import base64
import binascii
import os
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from builder import files
from builder.errors import ConflictError
from builder.master import disk

_NONCE = 12
"""Bytes of a nonce, chosen at random for each sealing, as NIST SP 800-38D allows for up to 2**32 of them."""
_KEY = 32


class Seal:
    """The seal with the key in the file `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._where = f"{path.name} in the master's state folder"

    def prepare(self, *, in_use: bool) -> None:
        """Make the key if there is none; not where something is sealed already, which a new one would not open."""
        if not in_use and not self._path.exists():
            with disk.explained(self._path):
                files.write(self._path, base64.b64encode(os.urandom(_KEY)) + b"\n", mode=0o600)

    def check(self) -> None:
        """Check that there is a key.

        Raises:
            ConflictError: There is none, in one sentence.
        """
        self._cipher()

    def close(self, text: str, *place: str) -> bytes:
        """Seal `text` for `place`.

        Raises:
            ConflictError: There is no key.
        """
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher().encrypt(nonce, text.encode(), msgspec.json.encode(place))

    def open(self, sealed: bytes, *place: str) -> str:
        """Return the text that was sealed for `place`.

        Raises:
            ConflictError: There is no key, it is another one, or a value that was sealed for another place stands here.
        """
        cipher = self._cipher()
        try:
            return cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], msgspec.json.encode(place)).decode()
        except (InvalidTag, ValueError):
            raise ConflictError(
                f"the secret {'/'.join(place)} does not open: {self._where} is not the key that it was sealed with, or "
                "the database was changed by hand; put the right file back, or set the secret again"
            ) from None

    def _cipher(self) -> AESGCM:
        try:
            key = base64.b64decode(self._path.read_bytes().strip(), validate=True)
        except FileNotFoundError:
            raise ConflictError(
                f"{self._where} is missing, and secrets are sealed with it: put it back from the backup; if it is "
                "lost, remove all secrets (`builder secret remove`), restart the master, and set them again"
            ) from None
        except OSError as error:
            raise ConflictError(f"{self._where} cannot be read: {error.strerror}") from error
        except binascii.Error:
            key = b""
        if len(key) != _KEY:
            raise ConflictError(f"{self._where} holds no key: put it back from the backup")
        return AESGCM(key)
