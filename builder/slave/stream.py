"""The ordered stream of one attempt on one connection: step records and log, as they grow.

A window of reports is on its way unanswered. A record goes out at once, after the log that was there before it; log
goes out in whole chunks, or when it has been gathered for a moment. The answers say how far the master is: when an
answer says less than was expected, nothing is sent until all answers are there, and the stream goes on from the
least.
"""

import os

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from builder.attempt.folder import AttemptFolder, RecordKind, StepRecord
from builder.errors import ConflictError
from builder.model.attempt import Position
from builder.protocol import Peer
from builder.wire import CHUNK, JobStarted, LogChunk, Report, StepFinished, StepStarted

WINDOW = 8
"""Most reports of an attempt that are unanswered."""
GATHER = 0.1
"""Seconds for which log is gathered, unless there is a whole chunk of it."""
REPEATS = 3
"""Most times that the master may send the stream back to a place from which it did not get on."""


class Stream:
    """The stream of the attempt in the folder to `peer`, from `position` on, which goes on whenever it is woken.

    Attributes:
        acknowledged: The position up to which the master has the attempt.
        failed: Fires with the error that ended it.
    """

    def __init__(
        self, clock: IReactorTime, folder: AttemptFolder, attempt: str, peer: Peer, position: Position
    ) -> None:
        self.acknowledged = position
        self.failed: Deferred[None] = Deferred()
        self._clock = clock
        self._folder = folder
        self._attempt = attempt
        self._peer = peer
        self._sent = position
        self._unanswered = 0
        self._back_to: Position | None = None
        self._repeats = 0
        self._log: int | None = None
        self._gathering: IDelayedCall | None = None
        self._drained: Deferred[Position] | None = None
        self._over = False

    def wake(self, name: str = "") -> None:
        """Send what may be sent, since the file `name`, or any, has changed."""
        busy = self._gathering is not None or self._unanswered >= WINDOW
        if name != "log" or not busy:
            self._try()

    def drain(self) -> Deferred[Position]:
        """Return a Deferred that fires when the master has all that is there now; nothing is gathered any more."""
        drained = self._drained = Deferred()
        self._pump()
        return drained

    def stop(self) -> None:
        """Stop sending."""
        self._over = True
        if self._gathering and self._gathering.active():
            self._gathering.cancel()
        self._gathering = None
        if self._log is not None:
            os.close(self._log)
            self._log = None

    def _pump(self) -> None:
        """Send the reports that may be sent."""
        if self._over:
            return
        written, length = self._folder.records(), self._folder.log_length()
        while self._unanswered < WINDOW and not self._back_to:
            report = self._next(written, length)
            if report is None:
                break
            self._send(report)
        at_end = self.acknowledged.records >= len(written) and self.acknowledged.log >= length
        if self._drained and at_end and not self._unanswered:
            drained, self._drained = self._drained, None
            drained.callback(self.acknowledged)

    def _next(self, written: tuple[StepRecord, ...], length: int) -> Report | None:
        """Return the next report, or None if none shall go out now."""
        record = written[self._sent.records] if self._sent.records < len(written) else None
        end = length if record is None else min(record.log, length)
        wanted = min(end - self._sent.log, CHUNK)
        if wanted <= 0:
            return None if record is None else _of(self._attempt, record)
        if record is None and wanted < CHUNK and not self._drained and not self._gathered():
            return None
        data = self._read(self._sent.log, wanted)
        return LogChunk(attempt=self._attempt, offset=self._sent.log, data=data)

    def _gathered(self) -> bool:
        """Tell if the log was gathered long enough; if not, it soon will be."""
        if self._gathering is None:
            self._gathering = self._clock.callLater(GATHER, self._pump_gathered)
        return not self._gathering.active()

    def _pump_gathered(self) -> None:
        self._try()
        self._gathering = None

    def _try(self) -> None:
        """Send the reports that may be sent; a failure is told by `failed` alone, not to the caller."""
        try:
            self._pump()
        except Exception:  # noqa: BLE001 - a folder that cannot be read, or a bug
            self._fail(Failure())

    def _read(self, offset: int, size: int) -> bytes:
        if self._log is None:
            self._log = os.open(self._folder.log, os.O_RDONLY | os.O_CLOEXEC)
        return os.pread(self._log, size, offset)

    def _send(self, report: Report) -> None:
        if isinstance(report, LogChunk):
            self._sent = Position(records=self._sent.records, log=report.offset + len(report.data))
        else:
            self._sent = Position(records=self._sent.records + 1, log=self._sent.log)
        expected = self._sent
        self._unanswered += 1
        _ = self._peer.ask(report).addCallback(self._answered, expected).addErrback(self._fail)

    def _answered(self, position: Position, expected: Position) -> None:
        self._unanswered -= 1
        if self._over:
            return
        if position.records < expected.records or position.log < expected.log:
            self._back_to = _least(position, self._back_to or position)
        # Answers may overtake each other: an older one takes nothing back.
        furthest = _furthest(position, self.acknowledged)
        if furthest != self.acknowledged:
            self._repeats = 0
        self.acknowledged = furthest
        if self._back_to and not self._unanswered:
            self._go_back(self._back_to)
        self._pump()

    def _go_back(self, position: Position) -> None:
        self._repeats += 1
        if self._repeats > REPEATS:
            raise ConflictError(f"the master does not get on from {position}")
        self._back_to = None
        self._sent = self.acknowledged = position

    def _fail(self, failure: Failure) -> None:
        if not self._over:
            self.stop()
            self.failed.errback(failure)


def _furthest(a: Position, b: Position) -> Position:
    return Position(records=max(a.records, b.records), log=max(a.log, b.log))


def _least(a: Position, b: Position) -> Position:
    return Position(records=min(a.records, b.records), log=min(a.log, b.log))


def _of(attempt: str, record: StepRecord) -> Report:
    """Return the report of a step record."""
    if record.step is None:
        return JobStarted(attempt=attempt, number=record.number, time=record.time)
    if record.kind is RecordKind.STEP_STARTED:
        return StepStarted(
            attempt=attempt, number=record.number, step=record.step, log_offset=record.log, time=record.time
        )
    return StepFinished(attempt=attempt, number=record.number, step=record.step, ok=record.ok, time=record.time)
