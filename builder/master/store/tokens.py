"""SQL for tokens: only their digests are kept, so that the database alone lets nobody in."""

import hashlib

import sqlalchemy as sa
from sqlalchemy import Connection

from builder.master.store.schema import tokens
from builder.master.store.stamp import now


def insert(connection: Connection, token: str, person: str) -> None:
    """Let whoever has `token` be `person`."""
    connection.execute(sa.insert(tokens).values(digest=digest(token), person=person, created=now(connection)))


def person(connection: Connection, digest: str) -> str | None:
    """Whose token has this digest; None when it is nobody's."""
    return connection.execute(sa.select(tokens.c.person).where(tokens.c.digest == digest)).scalar()


def digest(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()
