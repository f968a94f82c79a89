"""Child processes that `builder up` keeps running.

The loop waits for signals, synchronously (sigtimedwait(2)): a child that ended, Ctrl-C, or the time to start a child
again. The children have sessions of their own, so that a terminal's Ctrl-C reaches `up` alone.
"""

import os
import signal
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STEADY = 60.0
"""Seconds after which a child that ran counts as steady: it begins anew with the shortest pause."""
LONGEST_PAUSE = 30.0
GRACE = 20.0
"""Seconds that children have to end after SIGTERM, before SIGKILL."""


def pause(deaths: int) -> float:
    """Return the seconds to wait before a child is started again after `deaths` in a row."""
    return min(0.5 * 2.0 ** (deaths - 1), LONGEST_PAUSE)


class Child:
    """A program that is started again when it ends; its output goes to `log`."""

    def __init__(self, name: str, command: list[str], log: Path) -> None:
        self.name = name
        self.deaths = 0
        self._command = command
        self._log = log
        self._pid: int | None = None
        self._began = 0.0
        self._due = 0.0

    @property
    def running(self) -> bool:
        """Tell if the child has been started and not been seen to end."""
        return self._pid is not None

    def start_if_due(self, now: float) -> None:
        """Start the child if it does not run and its pause is over."""
        if self._pid is not None or now < self._due:
            return
        output = (os.POSIX_SPAWN_OPEN, 1, str(self._log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        nothing = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
        actions = (nothing, output, (os.POSIX_SPAWN_DUP2, 1, 2))
        self._pid = os.posix_spawn(
            self._command[0], self._command, os.environ, file_actions=actions, setsid=True, setsigmask=()
        )
        self._began = now

    def ended(self, now: float) -> str | None:
        """Return a sentence if the child has just been found to have ended."""
        pid, status = (0, 0) if self._pid is None else os.waitpid(self._pid, os.WNOHANG)
        if not pid:
            return None
        code = os.waitstatus_to_exitcode(status)
        self._pid = None
        self.deaths = 1 if now - self._began > STEADY else self.deaths + 1
        self._due = now + pause(self.deaths)
        if code < 0:
            return f"the {self.name} was ended by {signal.Signals(-code).name}"
        said = _last_line(self._log)
        return f"the {self.name} has ended with exit code {code}{f' ({said})' if said else ''}"

    def send(self, number: signal.Signals) -> None:
        """Send the child a signal, if it runs."""
        if self._pid is not None:
            os.kill(self._pid, number)

    def seconds_until_due(self, now: float) -> float:
        """Return the seconds until the child is to be started; endless while it runs."""
        return max(0.0, self._due - now) if self._pid is None else float("inf")


def keep_running(children: Sequence[Child], tick: Callable[[], float], say: Callable[[str], None]) -> None:
    """Run the children until a signal of `STOP`, then end them all.

    Args:
        children: The children, none of them started.
        tick: Called between waits; returns after how many seconds it wants to be called again.
        say: Told when a child has died.

    Raises:
        Any error that `tick` raises, after the children have been ended.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {*STOP, signal.SIGCHLD})
    try:
        while True:
            now = time.monotonic()
            for child in children:
                child.start_if_due(now)
            wait = min([tick(), *(child.seconds_until_due(now) for child in children)])
            caught = signal.sigtimedwait({*STOP, signal.SIGCHLD}, wait)
            if caught is not None and caught.si_signo in STOP:
                return
            _bury(children, say)
    finally:
        _end(children, say)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _bury(children: Sequence[Child], say: Callable[[str], None]) -> None:
    now = time.monotonic()
    for child in children:
        sentence = child.ended(now)
        if sentence is not None:
            say(f"{sentence}; it is started again in {pause(child.deaths):.1f} s")


def _end(children: Sequence[Child], say: Callable[[str], None]) -> None:
    """Tell all children to end; a second signal of `STOP`, or a child that takes too long, makes it short."""
    for child in children:
        child.send(signal.SIGTERM)
    _wait(children, time.monotonic() + GRACE, STOP)
    for child in children:
        if child.running:
            say(f"the {child.name} does not end; it is killed")
            child.send(signal.SIGKILL)
    _wait(children, time.monotonic() + GRACE, ())


def _wait(children: Sequence[Child], until: float, impatient: Collection[signal.Signals]) -> None:
    """Wait until all children have ended, or the time is over, or a signal of `impatient` arrives."""
    while any(child.running for child in children) and (left := until - time.monotonic()) > 0:
        caught = signal.sigtimedwait({*impatient, signal.SIGCHLD}, left)
        for child in children:
            child.ended(time.monotonic())
        if caught is not None and caught.si_signo in impatient:
            return


def _last_line(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 2000))
        lines = file.read().decode(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")[:300]
