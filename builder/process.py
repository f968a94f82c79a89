"""Child processes that never outlive whoever waits for them.

A sequential program waits for its children with `run`, or for one that asks it something meanwhile with a `Companion`.
It is stopped by a signal, whose handler raises wherever the program happens to be: `Interrupts` sees to it that this is
never between a child's start and the moment its number is known, so that the child's whole process group can always be
taken with it.
"""

import ctypes
import os
import select
import signal
import subprocess  # noqa: TID251 - this is where children are started
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
"""The number of a call of prctl(2): an orphan becomes a child of this process instead of init's."""


class Interrupts:
    """Interrupts: errors raised in the main thread to end its work, but not while they are held; the first counts.

    An error is raised once, wherever the program is: a later one finds the program clearing up. Whoever starts
    another child nevertheless meets it again.
    """

    def __init__(self) -> None:
        self._holds = 0
        self._reason: Exception | None = None
        self.adopts = False
        self.companions: set[int] = set()

    def adopt_orphans(self) -> None:
        """Adopt the orphans of every program, so that none outlives it: this process has no other children."""
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.adopts = True

    def on(self, number: signal.Signals, reason: Callable[[], Exception]) -> None:
        """Raise `reason()` when the signal arrives."""
        signal.signal(number, lambda *_: self.interrupt(reason()))

    def interrupt(self, reason: Exception) -> None:
        """Raise `reason`, at once or when nothing holds it back any more."""
        if self._reason:
            return
        self._reason = reason
        if not self._holds:
            raise reason

    @contextmanager
    def held(self) -> Iterator[None]:
        """Raise nothing before the end of this block; an interrupt that came within it is raised there."""
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1
        if self._reason and not self._holds:
            raise self._reason

    def end(self) -> None:
        """Raise nothing from now on."""
        self._holds += 1


def run(
    command: Sequence[str | Path],
    interrupts: Interrupts,
    *,
    output: int,
    errors: int,
    folder: Path,
    environment: Mapping[str, str],
) -> int:
    """Run a program without input to its end and return its exit code, negative for a signal.

    The descriptors `output` and `errors` receive its output. When the wait is interrupted, the program and all of its
    process group are killed. With `Interrupts.adopt_orphans`, nothing that it has started is left in any case.

    Raises:
        OSError: The program cannot be started.
    """
    child: subprocess.Popen[bytes] | None = None
    try:
        with interrupts.held():
            child = _start(command, output=output, errors=errors, folder=folder, environment=environment)
        _wait(child)
        with interrupts.held():
            return _reap(child, interrupts)
    except BaseException:
        with interrupts.held():
            if child is not None:
                _kill(child, interrupts)
        raise


class Companion:
    """A program that was started as `run` does, and waits for its `end` while others are run."""

    def __init__(
        self,
        command: Sequence[str | Path],
        interrupts: Interrupts,
        *,
        output: int,
        folder: Path,
        environment: Mapping[str, str],
    ) -> None:
        self._interrupts = interrupts
        self._child = _start(command, output=output, errors=output, folder=folder, environment=environment)
        interrupts.companions.add(self._child.pid)

    def asks(self, question: int) -> bool:
        """Wait until it writes a byte into the pipe `question`, or has ended; return True if it has written."""
        ended = os.pidfd_open(self._child.pid)
        try:
            readable, _, _ = select.select([question, ended], [], [])
            return question in readable and os.read(question, 1) != b""
        finally:
            os.close(ended)

    def end(self) -> int:
        """Wait for its end; return the exit code as `run` does, and leave nothing either."""
        _wait(self._child)
        with self._interrupts.held():
            self._interrupts.companions.discard(self._child.pid)
            return _reap(self._child, self._interrupts)

    def kill(self) -> None:
        """End it with all that it has started, if it lives."""
        with self._interrupts.held():
            self._interrupts.companions.discard(self._child.pid)
            _kill(self._child, self._interrupts)


def _start(
    command: Sequence[str | Path], *, output: int, errors: int, folder: Path, environment: Mapping[str, str]
) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603 - a list of arguments, never a shell's text
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=errors,
        cwd=folder,
        env=environment,
        process_group=0,
    )


def _wait(child: "subprocess.Popen[bytes]") -> None:
    if child.returncode is None:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # its number stays its own until it is reaped


def _kill(child: "subprocess.Popen[bytes]", interrupts: Interrupts) -> None:
    if child.returncode is None:
        os.killpg(child.pid, signal.SIGKILL)
    _reap(child, interrupts)


def _reap(child: "subprocess.Popen[bytes]", interrupts: Interrupts) -> int:
    """Return the exit code of a child that has ended or is about to; nothing that it left lives on."""
    code = child.wait()
    if interrupts.adopts:
        _kill_orphans(interrupts.companions)
    return code


def _kill_orphans(spared: Collection[int]) -> None:
    """Kill the processes that a program has left, and return when they are gone; those of a spared child stay.

    A sandbox that was just being set up has a process group of its own already; and bubblewrap ends with the program
    it was given, a moment before all that this has left running inside is killed.
    """
    with suppress(ChildProcessError):
        while True:
            if not spared:
                os.waitpid(-1, os.WNOHANG)  # raises when there is none, which is told faster than by looking
            orphans = [child for child in _children() if child not in spared]
            if spared and not orphans:
                return
            for orphan in orphans:
                os.kill(orphan, signal.SIGKILL)
                os.waitpid(orphan, 0)


def _children() -> Iterator[int]:
    """Yield the children of this process (proc(5), the field `ppid` of /proc/PID/stat)."""
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == os.getpid():
                yield int(entry.name)
