"""Child processes that never outlive whoever waits for them.

A sequential program waits for its children with `run`. It is stopped by a signal, whose handler raises wherever the
program happens to be: `Interrupts` sees to it that this is never between a child's start and the moment its number is
known, so that `run` can always take the child's whole process group with it.
"""

import ctypes
import os
import signal
import subprocess  # noqa: TID251 - this is where children are started
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
"""prctl(2): what loses its parent becomes a child of this process instead of init's."""


class Interrupts:
    """Raises in the main thread what ends its work, but not while it is held; the first reason counts.

    Wherever the program is, it is raised once: what comes later finds the program clearing up. Whoever starts another
    child nevertheless meets it again.
    """

    def __init__(self) -> None:
        self._holds = 0
        self._reason: Exception | None = None
        self.adopts = False

    def adopt_orphans(self) -> None:
        """Let no descendant outlive the program it comes from: this process has no other children than those."""
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
        """Nothing is raised before the end of this block; what came within it is raised there."""
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

    The descriptors `output` and `errors` receive what it says. When the wait is interrupted, the program and all of its
    process group are killed. With `Interrupts.adopt_orphans`, nothing that it has started is left in any case.

    Raises:
        OSError: The program cannot be started.
    """
    child: subprocess.Popen[bytes] | None = None
    try:
        with interrupts.held():
            child = subprocess.Popen(  # noqa: S603 - a list of arguments, never a shell's text
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                cwd=folder,
                env=environment,
                process_group=0,
            )
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # its number stays its own until it is reaped
        with interrupts.held():
            return _reap(child, interrupts)
    except BaseException:
        with interrupts.held():
            if child is not None:
                if child.returncode is None:
                    os.killpg(child.pid, signal.SIGKILL)
                _reap(child, interrupts)
        raise


def _reap(child: "subprocess.Popen[bytes]", interrupts: Interrupts) -> int:
    """The exit code of a child that has ended or is about to; nothing that it left lives on."""
    code = child.wait()
    if interrupts.adopts:
        _kill_orphans()
    return code


def _kill_orphans() -> None:
    """Kill what a program has left, and come back when it is gone.

    A sandbox that was just being set up has a process group of its own already; and bubblewrap ends with the program it
    was given, a moment before all that this has left running inside is killed.
    """
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, os.WNOHANG)  # raises when there is none
            for orphan in _children():
                os.kill(orphan, signal.SIGKILL)
                os.waitpid(orphan, 0)


def _children() -> Iterator[int]:
    """The children of this process (proc(5), the field `ppid` of /proc/PID/stat)."""
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == os.getpid():
                yield int(entry.name)
