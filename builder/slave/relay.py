"""The relay: one attempt's way to the master.

The run works even when the master cannot be reached. Each connection gets a report that begins where the master's
verdict says, and ends with the answer to `JobFinished`; only then is the attempt removed.
"""

from collections.abc import Callable
from contextlib import suppress

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from builder.attempt import disk
from builder.attempt.endings import broken
from builder.attempt.folder import AttemptFolder
from builder.clock import background, deferred
from builder.errors import (
    ConflictError,
    DigestError,
    InvalidError,
    NotFoundError,
    SupersededError,
    TooLargeError,
    UnavailableError,
)
from builder.model.attempt import AttemptState, Outcome, Position
from builder.model.step import StepName
from builder.protocol import Peer
from builder.slave.journal import Journal
from builder.slave.run import Run
from builder.slave.stream import Stream
from builder.slave.upload import upload
from builder.wire import JobFinished

REPEAT_AFTER = 3.0
"""Seconds until a report is tried again that the master could not take, or that met a bug."""

_log = Logger()


class Relay:
    """The relay of the attempt of `run`; `gone` is called when the slave does not have the attempt any more.

    Attributes:
        attempt: The attempt's id.
        dropped: True if nobody wants the attempt any more.
    """

    def __init__(self, clock: IReactorTime, journal: Journal, run: Run, gone: Callable[[str], None]) -> None:
        order = run.order
        self.attempt = order.attempt
        self.dropped = False
        self._clock = clock
        self._journal = journal
        self._run = run
        self._folder = run.folder
        self._gone = gone
        self._stream: Stream | None = None
        self._report: Deferred[None] | None = None
        self._again: IDelayedCall | None = None

    def begin(self) -> None:
        """Continue with the run as it is on disk."""
        self._run.begin()

    def stop(self) -> None:
        """Stop relaying, since the slave ends; the runner works on."""
        self.disconnected()
        self._run.stop()

    def cancel(self) -> None:
        """Stop the run, since somebody wants the attempt to stop."""
        self._run.cancel()

    def connected(self, peer: Peer, position: Position) -> None:
        """Report to `peer` from `position` on."""
        self.disconnected()
        self._stream = stream = Stream(self._clock, self._folder, self.attempt, peer, position)
        self._run.changed = stream.wake
        _ = stream.failed.addErrback(self._failed, peer)
        self._report = deferred(self._reported(peer, stream))
        _ = self._report.addErrback(self._failed, peer)

    def disconnected(self) -> None:
        """Stop reporting until the next connection."""
        if self._again and self._again.active():
            self._again.cancel()
        if self._stream:
            self._stream.stop()
            self._stream = None
        if self._report:
            report, self._report = self._report, None
            report.cancel()

    def forget(self) -> None:
        """Remove the attempt, since the master has everything, or nobody wants it any more."""
        self._drop(self._journal.forget)

    def park(self) -> None:
        """Park the attempt, which the master does not know, since somebody may want to look at it."""
        _log.warn("attempt {attempt} is unknown to the master and is parked", attempt=self.attempt)
        self._drop(self._journal.park)

    def _drop(self, leave: Callable[[AttemptFolder], object]) -> None:
        """Stop the run, and `leave` its folder when it has stopped."""
        self.dropped = True
        self.disconnected()
        self._run.cancel()
        background("Removing an attempt", self._left(leave))

    async def _left(self, leave: Callable[[AttemptFolder], object]) -> None:
        await self._run.ended()
        self._gone(self.attempt)
        leave(self._folder)

    async def _reported(self, peer: Peer, stream: Stream) -> None:
        """Report all of the attempt, then forget it."""
        stream.wake()
        if self._run.order_files and not self._run.begun:
            await self._provided(peer, stream)
        outcome = await self._run.ended()
        if outcome.state is AttemptState.SUCCEEDED:
            outcome = await self._delivered(peer, stream, outcome)
        at = await stream.drain()
        finished = JobFinished(attempt=self.attempt, records=at.records, log=at.log, outcome=outcome)
        await peer.ask(finished)
        self._report = None
        self.forget()

    async def _provided(self, peer: Peer, stream: Stream) -> None:
        """Fetch the files that the order names, and start the runner."""
        try:
            recorder = self._folder.recorder()
            if not recorder.open_step:
                recorder.begin_step(StepName.FETCH.value)
                stream.wake()
            for file in self._run.order_files:
                await file.fetch(peer, lambda: self._run.outcome is None)
            if self._run.outcome is None:
                recorder.end_step(ok=True)
                stream.wake()
                self._run.launch()
        except (NotFoundError, DigestError) as error:
            self._run.finish(broken(f"{self._run.order.job} has no SRPM to build: {error}"))
        except OSError as error:
            full = disk.is_full(error)
            self._run.finish(disk.full(self._folder.path) if full else broken(f"the SRPM cannot be written: {error}"))

    async def _delivered(self, peer: Peer, stream: Stream, outcome: Outcome) -> Outcome:
        """Deliver the results of a success; return another outcome if the master does not take them."""
        recorder = self._folder.recorder()
        if not any(record.step is StepName.UPLOAD for record in self._folder.records()):
            with suppress(OSError):  # on a full disk the results go, and make room; a record is no reason to keep them
                recorder.begin_step(StepName.UPLOAD.value)
            stream.wake()
        try:
            await upload(peer, self.attempt, self._folder.results)
        except (ConflictError, DigestError, InvalidError, TooLargeError) as error:
            outcome = broken(f"the results cannot be delivered: {error}").outcome
        with suppress(OSError):
            recorder.end_step(ok=outcome.state is AttemptState.SUCCEEDED)
        return outcome

    def _failed(self, failure: Failure, peer: Peer) -> None:
        """Repeat a report that ended early after a while; what it is about is still on disk."""
        error = failure.value
        if isinstance(error, CancelledError) or self._stream is None:
            return
        position = self._stream.acknowledged
        self.disconnected()
        if isinstance(error, SupersededError):
            self.forget()
        elif isinstance(error, NotFoundError):
            self.park()
        elif isinstance(error, ConflictError):
            peer.close(f"attempt {self.attempt}: {error}")
        else:
            if not isinstance(error, UnavailableError):
                _log.failure("reporting attempt {attempt}", failure=failure, attempt=self.attempt)
            self._again = self._clock.callLater(REPEAT_AFTER, self.connected, peer, position)
