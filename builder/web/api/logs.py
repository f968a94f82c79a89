"""The log of a job over the API: bytes from an offset on, and more as they are written."""

from collections.abc import AsyncGenerator
from typing import Annotated

import msgspec
from twisted.internet.interfaces import IReactorTime

from builder.clock import sleep
from builder.errors import InvalidError, NotFoundError
from builder.lifecycle import ATTEMPT_ENDS, JOB_ENDS
from builder.master.builds import Builds
from builder.master.logs import Logs
from builder.model import Label, Size, Value
from builder.model.attempt import Attempt
from builder.model.event import EventFilter
from builder.web.answers import TEXT, Answer, Stream
from builder.web.api.builds import Number
from builder.web.feed import Feed
from builder.web.followers import GATHER, news
from builder.web.sink import PIECE
from builder.web.visit import Visit


class ReadLog(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The request for the log of the newest attempt, or of the one with this `fence`, from the byte `offset` on.

    With `follow` the log goes on until the attempt has ended, and waits for an attempt where there is none yet.
    """

    number: Number
    job: Label
    offset: Size = 0
    follow: bool = False
    fence: Annotated[int, msgspec.Meta(ge=1)] | None = None


class LogsApi:
    """The routes `/api/v1/builds/N/jobs/J/log`."""

    def __init__(self, builds: Builds, logs: Logs, feed: Feed, clock: IReactorTime) -> None:
        self._builds = builds
        self._logs = logs
        self._feed = feed
        self._clock = clock

    async def read(self, asked: ReadLog, _: Visit) -> Answer:
        """Answer with the log as it was written: whoever shows it takes care of what is in it."""
        job = (await self._builds.show(asked.number)).job(asked.job)
        attempt = job.attempt(asked.fence)
        length = 0 if attempt is None else self._logs.length(asked.number, asked.job, attempt.fence)
        if removed(attempt, asked.number, self._logs):
            raise NotFoundError(f"the logs of build {asked.number} were removed, as those of all old builds are")
        if asked.offset > length:
            raise InvalidError(f"the log has {length} bytes so far: there is no offset {asked.offset}")
        if asked.follow:
            return _answer(Stream(chunks=self._follow(asked), follows=True))
        if attempt is None:
            raise NotFoundError(f"{job.build}/{job.name} is {job.state.value} and has no log")
        chunks = self._stored(asked.number, asked.job, attempt.fence, asked.offset, length)
        return _answer(Stream(chunks=chunks, length=length - asked.offset))

    async def _stored(self, build: int, job: str, fence: int, offset: int, end: int) -> AsyncGenerator[bytes, None]:
        while offset < end and (piece := self._logs.read(build, job, fence, offset, min(PIECE, end - offset))):
            offset += len(piece)
            yield piece

    async def _follow(self, asked: ReadLog) -> AsyncGenerator[bytes, None]:
        """Yield the log of an attempt until its end.

        The state is read before the log: all log of an attempt is there before its end is.
        """
        build, job, fence, offset = asked.number, asked.job, asked.fence, asked.offset
        ended = False
        with self._feed.watch(EventFilter(build=build)) as watch:
            while True:
                if watch.look():
                    fence, ended = await self._state(build, job, fence)
                if fence is not None:
                    while piece := self._logs.read(build, job, fence, offset, PIECE):
                        offset += len(piece)
                        yield piece
                if ended:
                    return
                rings = [watch.wait()] + ([] if fence is None else [self._logs.changed(build, job, fence)])
                if await news(self._clock, *rings):
                    await sleep(self._clock, GATHER)
                else:
                    watch.wake()

    async def _state(self, build: int, name: str, fence: int | None) -> tuple[int | None, bool]:
        """Return the fence of the attempt to follow, and True if nothing more will come of it."""
        job = (await self._builds.show(build)).job(name)
        attempt = job.attempt(fence)
        if attempt is None:
            return None, job.state in JOB_ENDS
        return attempt.fence, attempt.state in ATTEMPT_ENDS


def removed(attempt: Attempt | None, build: int, logs: Logs) -> bool:
    """Tell if the log of an attempt was there and has been removed since, with all of its build."""
    return attempt is not None and attempt.state in ATTEMPT_ENDS and bool(attempt.steps) and logs.removed(build)


def _answer(body: Stream) -> Answer:
    return Answer(content_type=TEXT, body=body, headers={"Cache-Control": "no-store"})
