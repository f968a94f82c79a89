"""Runners as processes: cancelled, out of time, killed, without room. Their work is a spec that sleeps when parsed."""

import itertools
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from builder.attempt.endings import EndedError, cancelled
from builder.model.attempt import AttemptState, FailureKind, Outcome
from builder.model.package import StepTimeouts
from builder.model.work import WorkOrder
from builder.process import Interrupts
from builder.runner.executors.chroot import ChrootExecutor
from tests.support.attempts import DEADLINE, RealAttempt
from tests.support.orders import order, source_work
from tests.support.packages import packaging


def sleeping(folder: Path) -> WorkOrder:
    """An order whose spec sleeps in the sandbox."""
    url = packaging(folder, "hello", requires=("gcc\nSource0: %(sleep 987654)",))
    return order(source_work(url))


def sleepers(folder: Path) -> list[int]:
    """The processes that still work below `folder`."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().decode(errors="replace")
                place = (entry / "cwd").readlink()
            except OSError:
                continue
            if str(folder) in f"{command}{place}":
                found.append(int(entry.name))
    return found


def assert_quiet(folder: Path) -> None:
    """Nothing works below `folder` any more; the kernel may need a moment."""
    end = time.monotonic() + DEADLINE
    while sleepers(folder):
        assert time.monotonic() < end, [Path(f"/proc/{pid}/cmdline").read_text() for pid in sleepers(folder)]
        time.sleep(0.01)


@pytest.fixture
def attempt(tmp_path: Path) -> Iterator[RealAttempt]:
    """An attempt that has come to the sleeping spec."""
    made = RealAttempt(tmp_path / "state", sleeping(tmp_path / "git"))
    made.start()
    made.await_log("packaging:")
    yield made
    made.end()
    assert_quiet(tmp_path)


def test_cancelled_runner_ends_with_everything_it_started(attempt: RealAttempt) -> None:
    """Cancelling kills the work, clears up, and says so."""
    attempt.folder.cancel()
    outcome = attempt.wait()
    assert (outcome.state, outcome.reason) == (AttemptState.CANCELLED, "cancelled")
    assert attempt.steps == ["fetch!"]
    assert not attempt.folder.work.exists()
    assert_quiet(attempt.state)


def test_order_cancelled_before_its_runner_is_not_begun(tmp_path: Path) -> None:
    """A cancel that came first counts."""
    attempt = RealAttempt(tmp_path / "state", sleeping(tmp_path / "git"))
    attempt.folder.cancel()
    assert attempt.run().state is AttemptState.CANCELLED
    assert "packaging:" not in attempt.log


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"timeout": 1}, "it took longer than 1 s"),
        ({"timeouts": StepTimeouts(fetch=1, build=300)}, "the step fetch took longer than 1 s"),
        ({"silence": 1}, "nothing was written to the log for 1 s"),
    ],
)
def test_time_is_bounded(tmp_path: Path, limits: dict[str, Any], reason: str) -> None:
    """An order's time is over as a whole, in a step and in silence, whatever the runner waits for."""
    attempt = RealAttempt(tmp_path / "state", msgspec.structs.replace(sleeping(tmp_path / "git"), **limits))
    outcome = attempt.run()
    assert outcome == Outcome(state=AttemptState.TIMED_OUT, kind=FailureKind.TIMEOUT, reason=reason)
    assert attempt.steps == ["fetch!"]
    assert attempt.log.endswith(f"{reason}\n")
    assert not attempt.folder.work.exists()
    assert_quiet(tmp_path)


def test_killed_runner_is_cleared_up_after(attempt: RealAttempt) -> None:
    """The next runner says that the first one died, ends what that one has left, and does nothing else."""
    attempt.kill()
    assert attempt.folder.outcome() is None
    outcome = attempt.run()
    assert (outcome.state, outcome.kind) == (AttemptState.BROKEN, FailureKind.INFRASTRUCTURE)
    assert "the runner of 17/source on" in outcome.reason
    assert "died" in outcome.reason
    assert attempt.steps == ["fetch!"]
    assert not attempt.folder.work.exists()
    assert_quiet(attempt.state)


def test_killed_runner_of_a_cancelled_attempt_was_cancelled(attempt: RealAttempt) -> None:
    """Whoever was to be stopped and had to be killed has stopped."""
    (attempt.folder.path / "cancel").touch()
    attempt.kill()
    assert attempt.run().state is AttemptState.CANCELLED


def test_asking_for_a_sandbox_is_interrupted() -> None:
    """Finding out what the host lacks ends with the attempt like everything else that a runner does."""
    interrupts = Interrupts()
    with pytest.raises(EndedError):
        interrupts.interrupt(cancelled())
    with pytest.raises(EndedError):
        ChrootExecutor().missing(interrupts)


def test_second_runner_of_an_attempt_is_not_started(attempt: RealAttempt) -> None:
    """The lock is the runner's as long as it lives."""
    assert attempt.folder.running()
    assert attempt.folder.take_lock() is None


def test_order_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """A bug, or another version's order, ends the attempt broken, with the traceback in the log."""
    attempt = RealAttempt(tmp_path / "state", sleeping(tmp_path / "git"))
    (attempt.folder.path / "order.json").write_text("{}")
    outcome = attempt.run()
    assert outcome.state is AttemptState.BROKEN
    assert "order.json" in outcome.reason
    assert "Traceback" in attempt.log


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB and 500 files."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m,nr_inodes=500", "none", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, timeout=60).returncode:
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True, timeout=60)


def test_full_disk_is_told(tmp_path: Path, small_disk: Path) -> None:
    """Without room for the sources the attempt ends broken with one sentence, and its result is there."""
    url = packaging(tmp_path / "git", "hello")
    big = Path(url.removeprefix("file://")) / "big"
    big.write_bytes(os.urandom(3 << 20))
    packaging(tmp_path / "git", "hello", version="2.0")
    attempt = RealAttempt(small_disk, order(source_work(url)))
    outcome = attempt.run()
    assert (outcome.state, outcome.kind) == (AttemptState.BROKEN, FailureKind.INFRASTRUCTURE), attempt.log
    assert "the slave's disk is full" in outcome.reason
    assert attempt.steps == ["fetch!"]


def test_disk_without_a_byte_left_is_told(tmp_path: Path, small_disk: Path) -> None:
    """Even then the result is written: its room was set aside with the order."""
    attempt = RealAttempt(small_disk, order(source_work(packaging(tmp_path / "git", "hello"))))
    subprocess.run(["dd", "if=/dev/zero", f"of={small_disk}/filler", "bs=4k"], check=False, stderr=subprocess.DEVNULL)
    outcome = attempt.run()
    assert outcome.state is AttemptState.BROKEN
    assert "the slave's disk is full" in outcome.reason


def test_runner_on_a_disk_that_takes_no_file_is_cancelled(tmp_path: Path, small_disk: Path) -> None:
    """What says so was set aside with the order: the runner ends, and so would the next one."""
    attempt = RealAttempt(small_disk, sleeping(tmp_path / "git"))
    attempt.start()
    attempt.await_log("packaging:")
    with suppress(OSError):
        for number in itertools.count():
            (small_disk / str(number)).touch()
    attempt.folder.cancel()
    assert attempt.folder.cancelled
    assert attempt.wait().state is AttemptState.CANCELLED
    assert_quiet(tmp_path)
