"""Events: facts of the farm, in the order of the commits."""

from functools import partial

from builder.master.store import events
from builder.master.store.database import Store
from builder.master.store.events import EVERY
from builder.model.event import Event, EventFilter


class Events:
    """Events, as they are read; `changed` rings when there may be new ones."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.changed = store.changed

    async def since(self, number: int, wanted: EventFilter = EVERY, limit: int = 500) -> tuple[Event, ...]:
        """Return the events after `number` that are wanted, oldest first, at most `limit`."""
        return await self._store.read(partial(events.since, number=number, wanted=wanted, limit=limit))

    async def newest(self) -> int:
        """Return the number of the newest event, 0 when nothing has happened yet."""
        return await self._store.read(events.newest)
