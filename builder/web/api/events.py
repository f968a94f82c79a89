"""Events over the API: one JSON object per line, and more as they happen."""

from collections.abc import AsyncGenerator
from typing import Annotated

import msgspec
from twisted.internet.interfaces import IReactorTime

from builder.clock import sleep
from builder.master.events import Events
from builder.model import Size, Value
from builder.model.event import Event
from builder.web.answers import Answer, Stream
from builder.web.api.builds import Number
from builder.web.feed import Feed
from builder.web.followers import GATHER, news
from builder.web.visit import Visit

JSON_LINES = "application/jsonl"


class ListEvents(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The request for events after the number `after`, of one build where it is named; `follow` adds those to come."""

    after: Size = 0
    build: Number | None = None
    follow: bool = False
    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 500


class EventsApi:
    """The routes `/api/v1/events`."""

    def __init__(self, events: Events, feed: Feed, clock: IReactorTime) -> None:
        self._events = events
        self._feed = feed
        self._clock = clock

    async def listing(self, asked: ListEvents, _: Visit) -> Answer:
        """Answer with the events, oldest first."""
        if asked.follow:
            body = Stream(chunks=self._follow(asked.after, asked.build), follows=True)
            return Answer(content_type=JSON_LINES, body=body, headers={"Cache-Control": "no-store"})
        events = await self._events.since(asked.after, asked.build, asked.limit)
        return Answer(content_type=JSON_LINES, body=_lines(events), headers={"Cache-Control": "no-store"})

    async def _follow(self, after: int, build: int | None) -> AsyncGenerator[bytes, None]:
        """Yield events as they come; an empty line now and then keeps the connection from being taken for dead."""
        with self._feed.watch(build) as watch:
            while True:
                watch.look()
                while events := await self._events.since(after, build):
                    after = events[-1].number
                    yield _lines(events)
                if await news(self._clock, watch.wait()):
                    await sleep(self._clock, GATHER)
                else:
                    yield b"\n"


def _lines(events: tuple[Event, ...]) -> bytes:
    return msgspec.json.Encoder().encode_lines(events)
