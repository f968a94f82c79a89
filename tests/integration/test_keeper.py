"""The keeper: nothing that it keeps outlives it, whoever ends first."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from builder.runner.executors import keeper
from tests.support.processes import eventually

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="namespaces without a user namespace need root")
LIMIT = 30


def command(*words: str, owner: int | None = None) -> list[str]:
    return [sys.executable, "-I", "-S", str(keeper.__file__), str(owner or os.getpid()), *words]


def kept(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*words), check=False, capture_output=True, text=True, timeout=LIMIT)


def alive(mark: str) -> bool:
    """Whether a process has this among its arguments."""
    return subprocess.run(["pgrep", "-f", f"[s]leep {mark}"], check=False, capture_output=True).returncode == 0


def test_exit_codes_are_passed_on() -> None:
    """A signal is 128 and its number, as a shell tells it."""
    assert kept("open", "--", "sh", "-c", "exit 11").returncode == 11
    assert kept("open", "--", "sh", "-c", "kill -TERM $$").returncode == 143


def test_the_command_runs_below_process_1() -> None:
    """And it sees its own processes alone."""
    seen = kept("open", "--", "sh", "-c", "echo $$; ls -d /proc/[0-9]*").stdout.split()
    assert seen == ["2", "/proc/1", "/proc/2"]


def test_nothing_is_left_when_the_command_ends() -> None:
    """Not even what has a session of its own."""
    kept("open", "--", "sh", "-c", "setsid sleep 987601 &")
    eventually("the sleeper is gone", lambda: not alive("987601"), LIMIT)


def test_nothing_is_left_when_the_keeper_is_killed() -> None:
    """Not even what has changed its user, as mock does, which clears its own parent-death signal."""
    sleeper = ["setpriv", "--reuid=65534", "--clear-groups", "sleep", "987602"]
    with subprocess.Popen(command("open", "--", "sh", "-c", f"{' '.join(sleeper)} & wait")) as process:
        eventually("the sleeper sleeps", lambda: alive("987602"), LIMIT)
        process.kill()
    eventually("the sleeper is gone", lambda: not alive("987602"), LIMIT)


def test_nothing_is_left_when_the_owner_is_killed() -> None:
    """A runner that loses its power takes everything along."""
    shell = f"{sys.executable} -I -S {keeper.__file__} $$ open -- sleep 987603; true"
    with subprocess.Popen(["sh", "-c", shell]) as owner:
        eventually("the sleeper sleeps", lambda: alive("987603"), LIMIT)
        owner.send_signal(signal.SIGKILL)
    eventually("the sleeper is gone", lambda: not alive("987603"), LIMIT)


def test_keeper_of_a_dead_owner_does_not_begin() -> None:
    """The owner may be gone before the keeper can ask to be told."""
    done = subprocess.run(
        command("open", "--", "echo", "begun", owner=1), check=False, capture_output=True, timeout=LIMIT
    )
    assert (done.returncode, done.stdout) == (137, b"")


def test_cut_network_is_loopback_alone_and_has_a_way_out() -> None:
    """The way out is a descriptor, for the package manager; nobody else knows of it."""
    here = os.readlink("/proc/self/ns/net")  # noqa: PTH115 - the target is no path
    look = "tail -n +3 /proc/net/dev | cut -d: -f1; readlink /proc/self/fd/$BUILDER_NETWORK"
    assert kept("cut", "--", "sh", "-c", look).stdout.split() == ["lo", here]


def test_uncut_network_is_the_hosts() -> None:
    """Where the project's policy says so."""
    here = os.readlink("/proc/self/ns/net")  # noqa: PTH115 - the target is no path
    assert kept("open", "--", "readlink", "/proc/self/ns/net").stdout.strip() == here


def test_mounts_are_seen_inside_alone(tmp_path: Path) -> None:
    """And end with the keeper, with those that the command has made."""
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    (source / "file").write_text("inside\n")
    inner = f"cat {target}/file; mount -t tmpfs none {source}; touch {source}/hidden"
    assert kept("open", str(source), str(target), "--", "sh", "-c", inner).stdout == "inside\n"
    assert list(target.iterdir()) == []
    assert not (source / "hidden").exists()
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text()


def test_what_cannot_be_kept_is_told(tmp_path: Path) -> None:
    """In a sentence that names what it was about."""
    done = kept("open", str(tmp_path / "nowhere"), str(tmp_path), "--", "true")
    assert done.returncode == 1
    assert done.stderr == f"keeper: mount {tmp_path / 'nowhere'} on {tmp_path}: {os.strerror(errno.ENOENT)}\n"
