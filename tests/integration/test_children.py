"""`builder up`'s children and the daemons' entry points, as real processes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from builder.cli.premises import Premises, Wishes
from builder.config import Address
from tests.support.command import LONGEST
from tests.support.processes import eventually
from tests.support.repositories import picture

KEEPER = """\
import sys
from pathlib import Path
from builder.cli.children import Child, keep_running
children = [Child(f"child{n}", [sys.executable, "-c", program], Path(sys.argv[1]) / f"{n}.log")
            for n, program in enumerate(sys.argv[2:])]
keep_running(children, lambda: 3600.0, lambda sentence: print(sentence, flush=True))
"""
SAYS_PIDS = "import os; print(os.getpid(), os.getsid(0), flush=True)\n"
WAITS = SAYS_PIDS + "import signal; signal.pause()\n"
STUBBORN = f"import signal; signal.signal(15, signal.SIG_IGN)\n{SAYS_PIDS}while True: signal.pause()\n"


@contextmanager
def keeper(folder: Path, *programs: str) -> Iterator["subprocess.Popen[str]"]:
    """A process that keeps these programs running; it is given a session of its own."""
    command = [sys.executable, "-c", KEEPER, str(folder), *programs]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            yield process
        finally:
            process.kill()


def lines(folder: Path, child: int = 0) -> list[list[int]]:
    """What the child has said so far: in each of its lives its pid and its session."""
    log = folder / f"{child}.log"
    said = log.read_text().splitlines() if log.exists() else []
    return [[int(word) for word in line.split()] for line in said]


def is_gone(pid: int) -> bool:
    """Whether a process has ended, also when nobody has asked for its exit code yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_child_that_dies_is_started_again(tmp_path: Path) -> None:
    """Each death is told with its reason and the pause, which grows."""
    with keeper(tmp_path, SAYS_PIDS + "print('no luck'); raise SystemExit(3)") as process:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(2)]
    assert told == [
        "the child0 has ended with exit code 3 (no luck); it is started again in 0.5 s\n",
        "the child0 has ended with exit code 3 (no luck); it is started again in 1.0 s\n",
    ]


def test_a_child_that_is_killed_is_started_again_alone(tmp_path: Path) -> None:
    """The other children are left in peace."""
    with keeper(tmp_path, WAITS, WAITS) as process:
        eventually("both run", lambda: bool(lines(tmp_path, 0) and lines(tmp_path, 1)))
        os.kill(lines(tmp_path)[0][0], signal.SIGKILL)
        eventually("the first runs again", lambda: len(lines(tmp_path)) == 2)
        assert len(lines(tmp_path, 1)) == 1
        process.terminate()
        assert process.wait(LONGEST) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_children_have_sessions_of_their_own_and_end_with_their_keeper(tmp_path: Path, number: signal.Signals) -> None:
    """A terminal's Ctrl-C does not reach them; the keeper passes it on and waits for them."""
    with keeper(tmp_path, WAITS) as process:
        eventually("it runs", lambda: bool(lines(tmp_path)))
        (pid, session) = lines(tmp_path)[0]
        assert session == pid
        process.send_signal(number)
        assert process.wait(LONGEST) == 0
        assert is_gone(pid)


def test_a_second_signal_makes_it_short(tmp_path: Path) -> None:
    """A child that does not end is killed when a person insists."""
    with keeper(tmp_path, STUBBORN) as process:
        eventually("it runs", lambda: bool(lines(tmp_path)))
        process.terminate()
        while process.poll() is None:
            process.terminate()
            os.sched_yield()
        assert process.stdout is not None
        assert process.stdout.read() == "the child0 does not end; it is killed\n"
        assert is_gone(lines(tmp_path)[0][0])


@pytest.fixture
def premises(tmp_path: Path) -> Premises:
    """A farm that is prepared and not started."""
    made = Premises(tmp_path)
    free = Address(host="127.0.0.1", port=0)
    made.prepare(Wishes(http=free, rpc=free, capacity=1), time.time())
    return made


def daemon(premises: Premises, name: str, *options: str) -> list[str]:
    return [sys.executable, "-m", "builder.cli.daemons", name, "--config", str(premises.config), *options]


@pytest.mark.parametrize("name", ["slave", "repo"])
def test_a_daemon_ends_in_good_order_at_sigterm(premises: Premises, name: str) -> None:
    """Each says in one line that it has no connection yet, and ends with exit code 0 when it is told to."""
    with subprocess.Popen(daemon(premises, name), stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "warn: no connection with the master at 127.0.0.1:" in process.stderr.readline()
        process.terminate()
        assert process.wait(LONGEST) == 0
        assert "Traceback" not in process.stderr.read()


def test_a_daemon_that_cannot_start_says_why_in_one_line(premises: Premises) -> None:
    """A second repository builder for the same folder: exit code 1, one sentence, no traceback, nothing touched; once
    the first is killed, the next one takes over and clears up what that had begun."""
    state = premises.folder / "master"
    with subprocess.Popen(daemon(premises, "repo"), stderr=subprocess.PIPE, text=True) as first:
        assert first.stderr is not None
        first.stderr.readline()
        (state / "staging" / "begun").mkdir()
        before = picture(state)
        second = subprocess.run(daemon(premises, "repo"), capture_output=True, text=True, timeout=LONGEST, check=False)
        assert picture(state) == before
        first.kill()
    with subprocess.Popen(daemon(premises, "repo"), stderr=subprocess.PIPE, text=True) as third:
        assert third.stderr is not None
        assert "no connection with the master" in third.stderr.readline()
        assert not (state / "staging" / "begun").exists()
        third.terminate()
    assert second.returncode == 1
    (line,) = second.stderr.splitlines()
    assert f"critical: cannot start: another repository builder (process {first.pid}) works in " in line
    assert f" works in {state}; stop it, or give this one another state folder" in line


def test_a_daemon_ends_when_its_parent_is_killed(premises: Premises, tmp_path: Path) -> None:
    """`builder up` that is killed leaves no daemons behind to hold its ports."""
    script = (
        "import os, subprocess, sys, signal\n"
        "child = subprocess.Popen([*sys.argv[1:], '--parent', str(os.getpid())], stderr=open('said', 'w'))\n"
        "print(child.pid, flush=True)\n"
        "signal.pause()\n"
    )
    command = [sys.executable, "-c", script, *daemon(premises, "slave")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        eventually("the daemon is at work", lambda: bool((tmp_path / "said").read_text()))
        parent.kill()
        eventually(
            "the daemon is gone", lambda: is_gone(pid) or "Z" in Path(f"/proc/{pid}/stat").read_text().split()[2]
        )
