"""SQL for tokens: only their digests are kept, so that the database alone lets nobody in."""

import hashlib

import sqlalchemy as sa
from sqlalchemy import Connection

from builder.master.store import events
from builder.master.store.schema import tokens
from builder.master.store.stamp import now
from builder.model.event import EventKind, Subject

_PERSON = sa.select(tokens.c.person).where(tokens.c.digest == sa.bindparam("digest"))


def insert(connection: Connection, token: str, person: str) -> None:
    """Store that `token` is the person's: whoever has it is `person`."""
    connection.execute(sa.insert(tokens).values(digest=digest(token), person=person, created=now(connection)))
    events.record(connection, EventKind.TOKEN_ISSUED, Subject(who=person))


def person(connection: Connection, digest: str) -> str | None:
    """Return the person whose token has this digest; None when it is nobody's."""
    return connection.execute(_PERSON, {"digest": digest}).scalar()


def remove(connection: Connection, person: str) -> int:
    """Remove the tokens of a person, and return how many there were."""
    count = connection.execute(sa.delete(tokens).where(tokens.c.person == person)).rowcount
    if count:
        events.record(connection, EventKind.TOKENS_REVOKED, Subject(who=person))
    return count


def digest(token: str) -> str:
    """Return the digest of a token, which is all that is stored of it."""
    return hashlib.sha256(token.encode()).hexdigest()
