"""People: who may change something, known by their tokens."""

import secrets
from collections.abc import Callable
from functools import partial

from builder.master.store import tokens
from builder.master.store.database import Store


class People:
    """Gives out tokens and knows their owners; an owner who was asked for once is remembered."""

    def __init__(self, store: Store, new_token: Callable[[], str] = secrets.token_urlsafe) -> None:
        self._store = store
        self._new_token = new_token
        self._known: dict[str, str] = {}

    async def person(self, token: str) -> str | None:
        """Whose token it is; None when it is nobody's."""
        digest = tokens.digest(token)
        if digest not in self._known:
            person = await self._store.read(partial(tokens.person, digest=digest))
            if person is None:
                return None
            self._known[digest] = person
        return self._known[digest]

    async def issue(self, person: str) -> str:
        """A new token for a person; it is shown this once and stored nowhere."""
        token = self._new_token()
        await self._store.write(partial(tokens.insert, token=token, person=person))
        return token
