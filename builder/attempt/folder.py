"""An attempt's folder: everything a slave knows about it, and the only thing slave and runner share.

* `order.json`: what to do; durable before the order is acknowledged
* `secrets`: what the order needs to fetch with; only its owner reads it, and it is gone when the runner has it
* `order-files/`: the files that the order names, fetched and verified
* `lock`: held (flock(2)) by the runner as long as it lives; holds its process number
* `cancel`: there when the attempt shall stop
* `log`, `records`: what happened, growing
* `work/`: the runner's workspace, removed at the end
* `results/`: the artifacts, listing.json among them
* `result.json`: how it ended; renamed into place as the runner's last act
"""

import contextlib
import enum
import fcntl
import os
import signal
from functools import cached_property
from pathlib import Path

import msgspec

from builder import files
from builder.attempt import records
from builder.attempt.endings import broken
from builder.attempt.records import Records
from builder.errors import InvalidError
from builder.model import Value
from builder.model.attempt import Outcome
from builder.model.secret import Secret
from builder.model.step import StepName
from builder.model.work import WorkOrder

ORDER_NAME = "order.json"
RESERVED = 64 * 1024
"""Bytes set aside for `result.json`, so that a full disk can be told."""


class RecordKind(enum.Enum):
    """The kinds of step records."""

    JOB_STARTED = records.JOB_STARTED
    STEP_STARTED = records.STEP_STARTED
    STEP_FINISHED = records.STEP_FINISHED


class StepRecord(Value, frozen=True, kw_only=True):
    """A line of the step records; see `builder.attempt.records`."""

    number: int
    kind: RecordKind
    time: float
    log: int
    step: StepName | None = None
    ok: bool = False


class AttemptFolder:
    """The folder of one attempt."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.log = path / "log"
        self.order_files = path / "order-files"
        self.work = path / "work"
        self.results = path / "results"
        self.lock = path / "lock"
        self._records = path / records.NAME
        self._cancel = path / "cancel"
        self._cancel_reserve = path / ".cancel.new"
        self._result = path / "result.json"
        self._secrets = path / "secrets"
        self._reserve = path / ".result.new"

    @cached_property
    def order(self) -> WorkOrder:
        """The order of the attempt.

        Raises:
            InvalidError: `order.json` is missing or was written by another version.
        """
        path = self.path / ORDER_NAME
        try:
            return msgspec.json.decode(path.read_bytes(), type=WorkOrder)
        except (FileNotFoundError, msgspec.MsgspecError) as error:
            raise InvalidError(f"{path}: {error}") from error

    def write_order(self, order: WorkOrder) -> WorkOrder:
        """Write the order, and its secrets apart from it, and return the order without them.

        The secrets are durable then, and the order when it is synced.
        """
        work = order.work
        if work.secrets:
            files.write(self._secrets, msgspec.json.encode(work.secrets), mode=0o600)
            order = msgspec.structs.replace(order, work=work.without_secrets())
        (self.path / ORDER_NAME).write_bytes(msgspec.json.encode(order))
        return order

    def take_secrets(self) -> tuple[Secret, ...]:
        """Return the secrets that came with the order, and remove them; from now on they are nowhere else."""
        try:
            secrets = msgspec.json.decode(self._secrets.read_bytes(), type=tuple[Secret, ...])
        except FileNotFoundError:
            return ()
        self.drop_secrets()
        return secrets

    def drop_secrets(self) -> None:
        """Remove the secrets that nobody has taken."""
        files.remove(self._secrets)

    def outcome(self) -> Outcome | None:
        """Return the outcome, None before the end; an unreadable result is no reason to wait for another one."""
        try:
            return msgspec.json.decode(self._result.read_bytes(), type=Outcome)
        except FileNotFoundError:
            return None
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            return broken(f"the runner left a result that cannot be read: {error}").outcome

    def reserve(self) -> None:
        """Set aside the room of `finish` and `cancel`, for a disk that is full by then."""
        self._cancel_reserve.touch()
        with self._reserve.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, RESERVED)

    def finish(self, outcome: Outcome) -> None:
        """Write the outcome, durably, into the room set aside for it."""
        self.drop_secrets()
        with self._reserve.open("r+b" if self._reserve.exists() else "wb") as file:
            file.write(msgspec.json.encode(outcome))
            file.truncate()
        files.sync(self._reserve)
        files.move(self._reserve, self._result)

    def records(self) -> tuple[StepRecord, ...]:
        """Return the step records that are there."""
        try:
            whole = self._records.read_bytes().rpartition(b"\n")[0]
        except FileNotFoundError:
            return ()
        return tuple(msgspec.json.decode(line, type=StepRecord) for line in whole.splitlines())

    def recorder(self) -> Records:
        """Return a writer of step records, for the one that works on the attempt now."""
        return Records(str(self.path))

    def log_length(self) -> int:
        """Return the length of the log in bytes."""
        try:
            return self.log.stat().st_size
        except FileNotFoundError:
            return 0

    @property
    def cancelled(self) -> bool:
        """Tell if somebody wants the attempt to stop."""
        return self._cancel.exists()

    def cancel(self) -> None:
        """Tell the runner to stop, or the next one not to begin; if one of the two fails, the other is done."""
        with contextlib.suppress(OSError):
            files.move(self._cancel_reserve, self._cancel)
        with contextlib.suppress(OSError):
            self.signal(signal.SIGTERM)

    def take_lock(self) -> int | None:
        """Return a descriptor that holds the lock for whoever inherits it, or None while a runner lives."""
        descriptor = os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor

    def running(self) -> bool:
        """Tell if a runner lives."""
        if not self.lock.exists():
            return False
        descriptor = self.take_lock()
        if descriptor is not None:
            os.close(descriptor)
        return descriptor is None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the runner, if one lives.

        Raises:
            OSError: There is no descriptor to do it with.
        """
        with contextlib.suppress(FileNotFoundError, ValueError, ProcessLookupError):
            runner = os.pidfd_open(int(self.lock.read_text()))
            try:
                if self.running():  # then the number is still the runner's
                    signal.pidfd_send_signal(runner, number)
            finally:
                os.close(runner)
