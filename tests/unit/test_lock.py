"""A folder that one process works in."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from builder import lock
from builder.errors import ConflictError


def test_who_comes_second_is_told_who_is_first(tmp_path: Path) -> None:
    """The sentence names the process and the folder; when the first has left, the next may enter."""
    first = lock.hold(tmp_path / "x.lock", "farm")
    with pytest.raises(ConflictError, match=rf"another farm \(process {os.getpid()}\) works in {tmp_path}; stop it"):
        lock.hold(tmp_path / "x.lock", "farm")
    os.close(first)
    os.close(lock.hold(tmp_path / "x.lock", "farm"))


def test_no_child_keeps_it(tmp_path: Path) -> None:
    """A process that is killed holds nothing any more, although a program that it has started lives on."""
    script = (
        "import subprocess, sys; from pathlib import Path; from builder import lock;"
        "lock.hold(Path('x.lock'), 'farm');"
        "child = subprocess.Popen(['sleep', '600'], close_fds=False);"
        "print(child.pid, flush=True); child.wait()"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=tmp_path) as holder:
        assert holder.stdout is not None
        child = int(holder.stdout.readline())
        with pytest.raises(ConflictError, match=rf"process {holder.pid}"):
            lock.hold(tmp_path / "x.lock", "farm")
        holder.kill()
        holder.wait()
        os.close(lock.hold(tmp_path / "x.lock", "farm"))
        os.kill(child, signal.SIGKILL)
