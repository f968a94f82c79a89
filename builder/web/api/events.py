"""Events over the API: one JSON object per line, and more as they happen."""

from collections.abc import AsyncGenerator
from typing import Annotated

import msgspec
from twisted.internet.interfaces import IReactorTime

from builder.clock import sleep
from builder.master.decisions.permission import may
from builder.master.events import Events
from builder.model import Label, Size, Value
from builder.model.event import CONFIDENTIAL, Event, EventFilter, EventKind
from builder.model.visitor import Act, Visitor
from builder.web.answers import Answer, Stream
from builder.web.api.builds import Number
from builder.web.feed import Feed
from builder.web.followers import GATHER, news
from builder.web.visit import Visit

JSON_LINES = "application/jsonl"


class ListEvents(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The request for events after the number `after`, of one build, project or kind; `follow` adds those to come."""

    after: Size = 0
    build: Number | None = None
    project: Label | None = None
    kind: EventKind | None = None
    follow: bool = False
    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 500


class EventsApi:
    """The routes `/api/v1/events`."""

    def __init__(self, events: Events, feed: Feed, clock: IReactorTime) -> None:
        self._events = events
        self._feed = feed
        self._clock = clock

    async def listing(self, asked: ListEvents, visit: Visit) -> Answer:
        """Answer with the events, oldest first."""
        wanted = EventFilter(build=asked.build, project=asked.project, kind=asked.kind)
        if asked.follow:
            body: Stream | bytes = Stream(chunks=self._follow(asked.after, wanted, visit.visitor), follows=True)
        else:
            body = _lines(await self._events.since(asked.after, wanted, asked.limit), visit.visitor)
        return Answer(content_type=JSON_LINES, body=body, headers={"Cache-Control": "no-store"})

    async def _follow(self, after: int, wanted: EventFilter, visitor: Visitor) -> AsyncGenerator[bytes, None]:
        """Yield events as they come; an empty line now and then keeps the connection from being taken for dead."""
        with self._feed.watch(wanted) as watch:
            while True:
                watch.look()
                while events := await self._events.since(after, wanted):
                    after = events[-1].number
                    yield _lines(events, visitor)
                if await news(self._clock, watch.wait()):
                    await sleep(self._clock, GATHER)
                else:
                    yield b"\n"


def _lines(events: tuple[Event, ...], visitor: Visitor) -> bytes:
    return msgspec.json.Encoder().encode_lines([_shown(event, visitor) for event in events])


def _shown(event: Event, visitor: Visitor) -> Event:
    """Return the event as a visitor may see it: without its text where that names a secret and is not for them."""
    if event.kind not in CONFIDENTIAL or may(visitor, Act.KEEP_SECRETS, event.project):
        return event
    return msgspec.structs.replace(event, text="")
