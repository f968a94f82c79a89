"""The intake of slaves' reports, each exactly once: step records, log, artifacts, and how an attempt ended.

The reports on one attempt are one stream and are taken one after the other, whatever connection they come on. The
position of the master stands in the database (records) and in the files (log, artifacts), so that a restart loses
nothing; a report that comes twice changes nothing, one that leaves a gap is answered with where to go on.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final, NoReturn

from twisted.internet.defer import DeferredLock

from builder.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    SupersededError,
    TooLargeError,
)
from builder.lifecycle import ATTEMPT_ENDS, REPORTED_ENDS
from builder.master import attempts, disk, inputs
from builder.master.decisions.retry import Retry
from builder.master.delivery import Aside, Delivery
from builder.master.logs import Logs
from builder.master.store import attempts as stored_attempts
from builder.master.store.attempts import KnownAttempt, ReportedRecord
from builder.master.store.database import Store
from builder.model.artifact import ArtifactKind, Listing
from builder.model.attempt import AttemptState, Outcome, Position
from builder.model.dependencies import Dependencies
from builder.state import StateFolder
from builder.wire import Accepted, ArtifactChunk, BeginArtifact, JobFinished, LogChunk, Offset

_KEPT = frozenset({ArtifactKind.LOG, ArtifactKind.INPUTS})
"""The kinds of artifacts that people want to read long after the packages were published."""
MOST_RECORDS: Final = 1000
"""Most step records of an attempt; a job that has every step there is has fewer than 20."""


class _Stream:
    """The stream of one attempt: what is known of it, and whose turn it is."""

    def __init__(self) -> None:
        self.turn = DeferredLock()
        self.delivery: Delivery | None = None
        self._known: KnownAttempt | None = None

    @property
    def known(self) -> KnownAttempt:
        """The attempt as it was when it was last looked at."""
        assert self._known is not None  # noqa: S101 - whoever has a turn has looked
        return self._known

    @known.setter
    def known(self, known: KnownAttempt) -> None:
        self._known = known

    @property
    def uncertain(self) -> bool:
        """Tell if the attempt has to be looked at again before it can be relied on."""
        return self._known is None

    def doubt(self) -> None:
        """Forget the attempt, so that it is looked at again."""
        self._known = None

    @property
    def ended(self) -> bool:
        """Tell if nothing more is wanted."""
        return self.known.state in ATTEMPT_ENDS

    def require_live(self) -> KnownAttempt:
        """Return the attempt; `SupersededError` if it has ended."""
        if self.ended:
            raise SupersededError(f"attempt {self.known.attempt} has ended: it is {self.known.state.value}")
        return self.known


class Intake:
    """The intake of reports. `slave` is always the one who reports, by its certificate.

    Every method raises `NotFoundError` for an attempt that there never was, `ForbiddenError` for one of another
    slave, and `UnavailableError` when disk or database cannot take anything now; all but `finish` raise
    `SupersededError` for one that has ended.
    """

    def __init__(self, store: Store, logs: Logs, state: StateFolder, aside: Aside, retry: Retry) -> None:
        self._store = store
        self._logs = logs
        self._state = state
        self._aside = aside
        self._retry = retry
        self._streams: dict[str, _Stream] = {}

    async def record(self, slave: str, record: ReportedRecord) -> Position:
        """Take a step record, if it is the next one."""
        async with self._turn(slave, record.attempt) as stream:
            known = stream.require_live()
            if record.number == known.records == MOST_RECORDS:
                await self._stop(known, attempts.broken(f"slave {slave} reported more than {MOST_RECORDS} records"))
            if record.number == known.records:
                stream.doubt()  # whether it was written is not known before the answer, nor without one
                stream.known = await self._store.write(partial(stored_attempts.take, record=record))
            return self.position(stream.require_live())

    async def log(self, slave: str, chunk: LogChunk) -> Position:
        """Append the new bytes of a piece of the log."""
        async with self._turn(slave, chunk.attempt) as stream:
            known = stream.require_live()
            try:
                length = self._logs.append(known.build, known.job, known.fence, chunk.offset, chunk.data)
            except TooLargeError as error:
                await self._stop(known, Outcome(state=AttemptState.FAILED, reason=str(error)))
            return Position(records=known.records, log=length)

    async def begin_artifact(self, slave: str, request: BeginArtifact) -> Offset:
        """Return the offset from which an artifact is wanted; see `Delivery.begin`."""
        async with self._turn(slave, request.attempt) as stream:
            delivery = self._delivery(stream, stream.require_live())
            return Offset(offset=await delivery.begin(request.artifact))

    async def artifact(self, slave: str, chunk: ArtifactChunk) -> Offset:
        """Append bytes of an artifact; see `Delivery.append`."""
        async with self._turn(slave, chunk.attempt) as stream:
            delivery = self._delivery(stream, stream.require_live())
            return Offset(offset=await delivery.append(chunk.name, chunk.offset, chunk.data))

    async def finish(self, slave: str, request: JobFinished) -> Accepted:
        """End an attempt; what follows from its end is committed with it. A second time, the answer is the same.

        Raises:
            InvalidError: A slave cannot report such an end.
            ConflictError: A part of the stream is missing.
        """
        if request.outcome.state not in REPORTED_ENDS:
            raise InvalidError(f"{request.outcome.state.value} is not for a slave to report")
        async with self._turn(slave, request.attempt) as stream:
            known = stream.known
            outcome, delivered, found = await self._checked(stream, known, request)
            finish = partial(attempts.finish, attempt=request.attempt, outcome=outcome, delivered=delivered)
            end = await self._store.write(partial(finish, found=found, retry=self._retry))
            self.forget(known)
            return Accepted(superseded=end is not request.outcome.state)

    def position(self, known: KnownAttempt) -> Position:
        """Return the position up to which the master has an attempt's stream."""
        return Position(records=known.records, log=self._logs.length(known.build, known.job, known.fence))

    def forget(self, *ended: KnownAttempt) -> None:
        """Forget attempts that have ended, and wake those who wait for more of their logs."""
        for known in ended:
            stream = self._streams.pop(known.attempt, None)
            if stream is not None:
                stream.doubt()
            self._logs.closed(known.build, known.job, known.fence)

    async def _stop(self, known: KnownAttempt, outcome: Outcome) -> NoReturn:
        """End an attempt that goes on against the rules; its slave hears that nobody wants it any more."""
        end = partial(attempts.give_up, ids=[known.attempt], outcome=outcome, retry=self._retry)
        self.forget(*await self._store.write(end))
        raise SupersededError(f"attempt {known.attempt} is stopped: {outcome.reason}")

    @asynccontextmanager
    async def _turn(self, slave: str, attempt: str) -> AsyncIterator[_Stream]:
        """Wait for one's turn at the stream of an attempt, which is known then, and the slave's own."""
        stream = self._streams.setdefault(attempt, _Stream())
        async with stream.turn:
            if stream.uncertain:
                try:
                    stream.known = await self._store.read(partial(stored_attempts.one, attempt=attempt))
                except NotFoundError:
                    self._streams.pop(attempt, None)
                    raise
            if stream.ended:
                self._streams.pop(attempt, None)
            if stream.known.slave != slave:
                raise ForbiddenError(f"attempt {attempt} is not one of slave {slave}")
            yield stream

    def _delivery(self, stream: _Stream, known: KnownAttempt) -> Delivery:
        if stream.delivery is None:
            stream.delivery = Delivery(self._folder(known), self._aside)
        return stream.delivery

    async def _checked(
        self, stream: _Stream, known: KnownAttempt, request: JobFinished
    ) -> tuple[Outcome, Listing | None, Dependencies | None]:
        """Check that all of the stream is on the disk; return the outcome, and what a success has delivered."""
        outcome = request.outcome
        if known.state in ATTEMPT_ENDS:
            return outcome, None, None
        there = self.position(known)
        if there != Position(records=request.records, log=request.log):
            raise ConflictError(
                f"attempt {known.attempt} has {there.records} records and {there.log} bytes of log here, "
                f"not {request.records} and {request.log}"
            )
        await self._aside(lambda: self._logs.sync(known.build, known.job, known.fence))
        if outcome.state is not AttemptState.SUCCEEDED or known.state is not AttemptState.RUNNING:
            return outcome, None, None
        try:
            delivery = self._delivery(stream, known)
            listing = await delivery.complete(known.attempt)
            found = await delivery.dependencies(listing)
            with disk.explained(self._folder(known)):
                await self._aside(partial(inputs.check, self._folder(known), listing, known.job, known.kind))
        except InvalidError as error:
            return attempts.broken(f"slave {known.slave} delivered what cannot be used: {error}"), None, None
        folder = self._folder(known)
        kept = [folder / artifact.name for artifact in listing.artifacts if artifact.kind in _KEPT]
        with disk.explained(folder):
            await self._aside(lambda: self._logs.keep(known.build, known.job, known.fence, kept))
        return outcome, listing, found

    def _folder(self, known: KnownAttempt) -> Path:
        return self._state.delivery(known.build, known.job, known.fence)
