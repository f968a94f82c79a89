"""Runners and changes of files that only happen when a test says so."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

from builder.attempt.folder import AttemptFolder
from builder.model.attempt import Outcome
from builder.model.step import StepName


class MemoryRunner:
    """The runner of one attempt: its lock is really held, what it writes is what the test writes."""

    def __init__(self, folder: AttemptFolder, step: StepName, lock: int, ended: Callable[[], None]) -> None:
        self.folder = folder
        self.first = step
        self._lock: int | None = lock
        self._ended = ended
        self.records = folder.recorder()
        self.clears_up = os.fstat(lock).st_size > 0
        os.pwrite(lock, b"4194305", 0)  # no process has such a number

    def say(self, text: str) -> None:
        """Add to the log."""
        with self.folder.log.open("a") as log:
            log.write(text)

    def finish(self, outcome: Outcome) -> None:
        """Write how it ended, and end."""
        self.folder.finish(outcome)
        self.die()

    def die(self) -> None:
        """End, without a word."""
        assert self._lock is not None
        os.close(self._lock)
        self._lock = None
        self._ended()

    def vanish(self) -> None:
        """End without anybody being told: the runner was an earlier life's child."""
        assert self._lock is not None
        os.close(self._lock)
        self._lock = None


class MemoryLauncher:
    """Keeps the runners that it was asked to start.

    Attributes:
        runners: All of them, in order.
        broken: Whether the host has no descriptor for a lock at the moment.
    """

    def __init__(self) -> None:
        self.runners: list[MemoryRunner] = []
        self.broken = False

    def start(self, folder: AttemptFolder, step: StepName, ended: Callable[[], None]) -> None:
        """Take the lock, as the real one does, or fail at that."""
        if self.broken:
            raise OSError(errno.EMFILE, "Too many open files")
        lock = folder.take_lock()
        if lock is not None:
            self.runners.append(MemoryRunner(folder, step, lock, ended))

    @property
    def last(self) -> MemoryRunner:
        """The newest runner."""
        return self.runners[-1]

    def close(self) -> None:
        """Let go of every lock."""
        for runner in self.runners:
            if runner._lock is not None:
                runner.vanish()


class MemoryWatch:
    """Tells of changes when a test says so."""

    def __init__(self) -> None:
        self._watched: dict[Path, Callable[[str], None]] = {}

    def begin(self, folder: Path, changed: Callable[[str], None]) -> None:
        """Remember whom to tell."""
        self._watched[folder] = changed

    def end(self, folder: Path) -> None:
        """Tell no more."""
        self._watched.pop(folder, None)

    def tell(self, name: str) -> None:
        """A file of this name has changed, wherever somebody watches."""
        for changed in list(self._watched.values()):
            changed(name)
