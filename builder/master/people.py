"""People: visitors who may change something, known by their tokens."""

import secrets
from collections.abc import Callable
from functools import partial

from builder.master.store import tokens
from builder.master.store.database import Store
from builder.model.visitor import EVERYTHING, Person


class People:
    """People and their tokens, which are given out, recognised, and taken away.

    The store is asked each time: a token that is taken away there, by whomever, lets nobody in from that moment on.
    """

    def __init__(self, store: Store, new_token: Callable[[], str] = secrets.token_urlsafe) -> None:
        self._store = store
        self._new_token = new_token

    async def person(self, token: str) -> Person | None:
        """Return the person whose token it is, who may do everything; None when it is nobody's."""
        name = await self._store.read(partial(tokens.person, digest=tokens.digest(token)))
        return None if name is None else Person(name=name, grants=EVERYTHING)

    async def issue(self, person: str) -> str:
        """Give a person a new token; it is shown this once and stored nowhere."""
        token = self._new_token()
        await self._store.write(partial(tokens.insert, token=token, person=person))
        return token

    async def revoke(self, person: str) -> int:
        """Take all tokens of a person away and return how many there were; none is good any more when this answers."""
        return await self._store.write(partial(tokens.remove, person=person))
