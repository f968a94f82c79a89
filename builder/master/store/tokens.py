"""SQL for tokens: only their digests are kept, so that the database alone lets nobody in."""

import hashlib

import sqlalchemy as sa
from sqlalchemy import Connection

from builder.clock import wall_time
from builder.master.store.schema import tokens


def insert(connection: Connection, token: str, person: str) -> None:
    """Let whoever has `token` be `person`."""
    connection.execute(sa.insert(tokens).values(digest=_digest(token), person=person, created=wall_time()))


def person(connection: Connection, token: str) -> str | None:
    """Whose token it is; None when it is nobody's."""
    return connection.execute(sa.select(tokens.c.person).where(tokens.c.digest == _digest(token))).scalar()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
