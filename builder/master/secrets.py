"""The projects' secrets: set, listed and removed by people, opened for the orders of source jobs alone.

There is no way back to a value. A value that cannot be right is refused here, in sentences that never repeat it.
"""

import re
from functools import partial

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from sqlalchemy import Connection

from builder.errors import InvalidError, NotFoundError
from builder.master.decisions.permission import may, require
from builder.master.seal import Seal
from builder.master.store import projects, secrets
from builder.master.store.database import Store
from builder.mistakes import guess
from builder.model.secret import LONGEST, Sealed, Secret, SecretKind, SecretShown
from builder.model.visitor import Act, Visitor

SHORTEST = 8
"""Fewest characters of a token: a shorter one would be found by trying, and in innocent text."""
_KEY = re.compile(r"-----BEGIN (?P<what>[A-Z0-9 ]*)PRIVATE KEY-----\n")
_TOKEN = re.compile(r"(?:[^:\s]+:)?(?P<token>[!-9;-~]+)", re.ASCII)


class Secrets:
    """The secrets of all projects, sealed by `seal`."""

    def __init__(self, store: Store, seal: Seal) -> None:
        self._store = store
        self._seal = seal

    async def prepare(self) -> None:
        """Make or check the key that seals them; where it should be there and is not, that is told.

        Raises:
            ConflictError: The key is missing or spoilt; everything but secrets works without it.
        """
        there = await self._store.read(secrets.listing)
        self._seal.prepare(in_use=bool(there))
        self._seal.check()

    async def set(self, project: str, name: str, text: str, visitor: Visitor) -> SecretShown:
        """Keep a private key or a token, in place of the secret that had its name.

        Raises:
            InvalidError: The text is neither.
            NotFoundError: There is no such project.
            ConflictError: The secret cannot be sealed.
            ForbiddenError: The visitor may not keep secrets of the project.
        """
        require(visitor, Act.KEEP_SECRETS, project)
        kind, value = judged(text)
        sealed = Sealed(name=name, kind=kind, sealed=self._seal.close(value, project, name))
        return await self._store.write(partial(secrets.save, project=project, secret=sealed, who=visitor.name))

    async def listing(self, project: str | None, visitor: Visitor) -> tuple[SecretShown, ...]:
        """Return the secrets, without values, of one project or of all in which the visitor may keep secrets.

        Raises:
            NotFoundError: There is no such project.
            ForbiddenError: The visitor may not keep secrets of the project.
        """
        require(visitor, Act.KEEP_SECRETS, project)
        listed = await self._store.read(partial(secrets.listing, project=project))
        return tuple(shown for shown in listed if may(visitor, Act.KEEP_SECRETS, shown.project))

    async def remove(self, project: str, name: str, visitor: Visitor) -> tuple[SecretShown, ...]:
        """Remove a secret and return those that the project still has.

        Raises:
            NotFoundError: There is no such secret, or no such project.
            ForbiddenError: The visitor may not keep secrets of the project.
        """
        require(visitor, Act.KEEP_SECRETS, project)
        return await self._store.write(partial(_remove, project=project, name=name, who=visitor.name))

    def open(self, project: str, sealed: Sealed) -> Secret:
        """Return a secret with its value, for the order of a source job.

        Raises:
            ConflictError: The secret does not open.
        """
        return Secret(name=sealed.name, kind=sealed.kind, value=self._seal.open(sealed.sealed, project, sealed.name))


def _remove(connection: Connection, project: str, name: str, who: str) -> tuple[SecretShown, ...]:
    if not secrets.remove(connection, project, name, who):
        there = secrets.kinds(connection, projects.one_bare(connection, project).project)
        raise NotFoundError(f"the project `{project}` has no secret `{name}`{guess(name, there)}")
    return secrets.listing(connection, project)


def judged(text: str) -> tuple[SecretKind, str]:
    """Return the kind of the secret `text`, and the value that is kept of it.

    Raises:
        InvalidError: The text is neither a private key that ssh can use without a passphrase, nor a token.
    """
    value = text.replace("\r\n", "\n").strip()
    if len(value) > LONGEST:
        raise InvalidError(f"this is no secret for git: it has more than {LONGEST} characters")
    if value.startswith("-----BEGIN "):
        _check_key(value + "\n")
        return SecretKind.SSH_KEY, value + "\n"
    match = _TOKEN.fullmatch(value)
    if match is None:
        wanted = "a private ssh key (-----BEGIN … PRIVATE KEY-----), or a token in one line: TOKEN or USER:TOKEN"
        raise InvalidError(f"this is no secret for git; it should be {wanted}, in ASCII and without spaces")
    if len(match["token"]) < SHORTEST:
        raise InvalidError(f"this token is too short to keep anybody out: it has fewer than {SHORTEST} characters")
    return SecretKind.TOKEN, value


def _check_key(text: str) -> None:
    """Check that ssh can use a private key."""
    match = _KEY.match(text)
    if match is None:
        raise InvalidError("this is no private ssh key, but something else in PEM: give the file without `.pub`")
    openssh = match["what"] == "OPENSSH "
    load = serialization.load_ssh_private_key if openssh else serialization.load_pem_private_key
    try:
        load(text.encode(), password=None)
    except TypeError:
        sentence = "this key has a passphrase, which nobody types on a slave: make one without (ssh-keygen -N '')"
        raise InvalidError(sentence) from None
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidError("this private key cannot be read: it is damaged, or of a kind that is not known") from None
