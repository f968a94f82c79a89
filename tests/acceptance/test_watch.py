"""`builder watch`, `builder build --watch` and `builder log -f`, against a farm that changes while they look."""

import errno
import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from builder.model.attempt import AttemptState
from builder.model.build import BuildState
from builder.model.job import JobState
from builder.model.step import StepName
from tests.support.command import LONGEST, builder, started
from tests.support.farm import CHROOTS, MemoryFarm, attempt, client_toml, served
from tests.support.processes import eventually, free_port

CHROOT = CHROOTS[0]


@pytest.fixture
def farm() -> MemoryFarm:
    farm = MemoryFarm()
    farm.add("demo", "hello")
    return farm


@pytest.fixture
def client(farm: MemoryFarm, tmp_path: Path) -> Iterator[Path]:
    with served(farm) as url:
        yield client_toml(tmp_path, url)


def outcome(watch: "subprocess.Popen[bytes]") -> tuple[int, list[str], list[str]]:
    out, errors = watch.communicate(timeout=LONGEST)
    return watch.returncode, out.decode().splitlines(), errors.decode().splitlines()


def asked_more(farm: MemoryFarm, before: int) -> bool:
    return len(farm.asked) > before + 1


def run_source_job(farm: MemoryFarm) -> None:
    farm.change(1, "source", JobState.RUNNING, attempt(1, (StepName.FETCH, 0)))
    farm.log(1, "source", 1, b"cloning\n")
    steps = [(StepName.FETCH, 0), (StepName.SRPM, 8)]
    farm.change(1, "source", JobState.RUNNING, attempt(1, *steps))
    farm.log(1, "source", 1, b"wrote hello.src.rpm\n")
    farm.change(1, "source", JobState.SUCCEEDED, attempt(1, *steps, state=AttemptState.SUCCEEDED))


def run_chroot_job(farm: MemoryFarm, state: JobState, end: AttemptState, **values: object) -> None:
    farm.change(1, CHROOT, JobState.RUNNING, attempt(1, (StepName.BUILD, 0)))
    farm.log(1, CHROOT, 1, b"gcc hello.c\n")
    farm.change(1, CHROOT, state, attempt(1, (StepName.BUILD, 0), state=end), **values)


def test_a_watch_shows_steps_log_and_end_in_order(farm: MemoryFarm, client: Path) -> None:
    """Each line of the log stands below the heading of its step, and a build that succeeded is exit code 0."""
    watch = started("watch", "1", client=client)
    eventually("the watch follows", lambda: farm.following("events?"))
    run_source_job(farm)
    run_chroot_job(farm, JobState.SUCCEEDED, AttemptState.SUCCEEDED, published=("hello-1-1.x86_64",))
    farm.finish(1, BuildState.SUCCEEDED)
    code, out, errors = outcome(watch)
    assert (code, errors) == (0, [])
    assert [line for line in out if not line.startswith("---")] == [
        "build 1 of demo/hello",
        "==> source: fetch",
        "cloning",
        "==> source: srpm",
        "wrote hello.src.rpm",
        f"==> {CHROOT}: build",
        "gcc hello.c",
        "build 1 succeeded after 1m01s",
    ]
    assert f"--- {CHROOT} succeeded: hello-1-1.x86_64" in out


def test_a_build_that_fails_is_exit_code_1(farm: MemoryFarm, client: Path) -> None:
    """The last lines say what failed and why."""
    watch = started("watch", "1", client=client)
    run_source_job(farm)
    run_chroot_job(farm, JobState.FAILED, AttemptState.FAILED, reason="%build failed: error: x undeclared")
    farm.finish(1, BuildState.FAILED, f"{CHROOT}: %build failed")
    code, out, _ = outcome(watch)
    assert code == 1
    assert out[-2:] == [
        f"--- {CHROOT} failed: %build failed: error: x undeclared",
        f"build 1 failed after 1m01s: {CHROOT}: %build failed",
    ]


def test_a_build_that_has_ended_is_told_at_once(farm: MemoryFarm, client: Path) -> None:
    """Watching what is over says how it ended, with its exit code."""
    farm.finish(1, BuildState.CANCELLED)
    done = builder("watch", "1", client=client)
    assert (done.returncode, done.stdout) == (
        1,
        "build 1 of demo/hello\n--- source queued\nbuild 1 cancelled after 1m01s\n",
    )


def test_a_cut_connection_costs_no_line_and_repeats_none(farm: MemoryFarm, client: Path) -> None:
    """After each cut the log goes on at its offset."""
    watch = started("watch", "1", client=client)
    farm.change(1, "source", JobState.RUNNING, attempt(1, (StepName.FETCH, 0)))
    for number in range(20):
        farm.log(1, "source", 1, b"line %d, and\n" % number)
        if number % 4 == 0:
            before = len(farm.asked)
            farm.cut()
            eventually("the watch is back", partial(asked_more, farm, before))
    farm.change(1, "source", JobState.FAILED, attempt(1, (StepName.FETCH, 0), state=AttemptState.FAILED))
    farm.finish(1, BuildState.FAILED)
    code, out, _ = outcome(watch)
    assert code == 1
    assert [line for line in out if line.startswith("line")] == [f"line {number}, and" for number in range(20)]


def test_a_watch_goes_on_after_the_master_was_away(farm: MemoryFarm, tmp_path: Path) -> None:
    """It says that it waits, and goes on when the farm is back at its address."""
    port = free_port()
    client = client_toml(tmp_path, f"http://127.0.0.1:{port}")
    with served(farm, port):
        watch = started("watch", "1", client=client)
        farm.change(1, "source", JobState.RUNNING, attempt(1, (StepName.FETCH, 0)))
        farm.log(1, "source", 1, b"before\n")
        eventually("the log is followed", lambda: farm.following("/source/log"))
    assert watch.stderr is not None
    assert (
        b"cannot be reached: Connection refused; is the master running?; the watch goes on" in watch.stderr.readline()
    )
    farm.log(1, "source", 1, b"meanwhile\n")
    with served(farm, port):
        assert watch.stderr.readline() == b"builder: the farm answers again\n"
        farm.log(1, "source", 1, b"after\n")
        farm.change(1, "source", JobState.FAILED, attempt(1, (StepName.FETCH, 0), state=AttemptState.FAILED))
        farm.finish(1, BuildState.FAILED)
        code, out, _ = outcome(watch)
    assert code == 1
    assert [line for line in out if line[0] not in "-=b" or line == "before"] == ["before", "meanwhile", "after"]


def test_ctrl_c_ends_the_watch_and_not_the_build(farm: MemoryFarm, client: Path) -> None:
    """It says so, with exit code 130, and nothing is cancelled."""
    watch = started("watch", "1", client=client)
    eventually("the watch follows", lambda: farm.following("events?"))
    watch.send_signal(signal.SIGINT)
    code, _, errors = outcome(watch)
    assert code == 130
    assert errors == ["builder: the watch has ended, build 1 goes on: builder watch 1, or builder cancel 1"]
    assert not any(asked.startswith("POST") for asked in farm.asked)


def test_a_reader_who_has_seen_enough_ends_the_watch(farm: MemoryFarm, client: Path) -> None:
    """`builder watch N | head` ends with the next line of the log, without a word."""
    watch = started("watch", "1", client=client)
    assert watch.stdout is not None
    farm.change(1, "source", JobState.RUNNING, attempt(1, (StepName.FETCH, 0)))
    farm.log(1, "source", 1, b"first\n")
    assert b"first\n" in iter(watch.stdout.readline, b"")
    watch.stdout.close()
    farm.log(1, "source", 1, b"second\n")
    _, errors = watch.communicate(timeout=LONGEST)
    assert (watch.returncode, errors) == (1, b"")


def test_logs_of_several_chroots_at_once_are_told_apart(farm: MemoryFarm, client: Path) -> None:
    """Every line of a build for several chroots says whose it is."""
    farm.add("demo", "hello", CHROOTS)
    watch = started("watch", "2", client=client)
    eventually("the watch follows", lambda: farm.following("events?"))
    for chroot in CHROOTS:
        farm.change(2, chroot, JobState.RUNNING, attempt(1, (StepName.BUILD, 0)))
        farm.log(2, chroot, 1, b"gcc\n")
        farm.change(2, chroot, JobState.SUCCEEDED, attempt(1, (StepName.BUILD, 0), state=AttemptState.SUCCEEDED))
    farm.finish(2, BuildState.SUCCEEDED)
    code, out, _ = outcome(watch)
    assert code == 0
    assert {f"{chroot}| gcc" for chroot in CHROOTS} < set(out)


def test_an_attempt_that_the_farm_broke_is_followed_by_the_next(farm: MemoryFarm, client: Path) -> None:
    """The logs of both attempts are shown, each under its own heading."""
    watch = started("watch", "1", client=client)
    eventually("the watch follows", lambda: farm.following("events?"))
    farm.change(1, "source", JobState.RUNNING, attempt(1, (StepName.FETCH, 0)))
    farm.log(1, "source", 1, b"first\n")
    farm.change(1, "source", JobState.QUEUED, attempt(1, (StepName.FETCH, 0), state=AttemptState.BROKEN))
    farm.change(1, "source", JobState.RUNNING, attempt(2, (StepName.FETCH, 0)))
    farm.log(1, "source", 2, b"second\n")
    farm.change(1, "source", JobState.SUCCEEDED, attempt(2, (StepName.FETCH, 0), state=AttemptState.SUCCEEDED))
    farm.finish(1, BuildState.SUCCEEDED)
    code, out, _ = outcome(watch)
    assert code == 0
    shown = [line for line in out if line in {"first", "second"} or line.startswith("==>")]
    assert shown == ["==> source: fetch", "first", "==> source (attempt 2): fetch", "second"]


def test_events_as_json_are_complete(farm: MemoryFarm, client: Path) -> None:
    """`watch --json` prints each event of the build once, in order, and ends with the build's exit code."""
    watch = started("watch", "1", "--json", client=client)
    run_source_job(farm)
    farm.cut()
    run_chroot_job(farm, JobState.SUCCEEDED, AttemptState.SUCCEEDED)
    farm.finish(1, BuildState.SUCCEEDED)
    code, out, _ = outcome(watch)
    assert code == 0
    assert [json.loads(line)["number"] for line in out] == list(range(1, len(farm.events) + 1))


def test_a_build_can_be_watched_from_its_request_on(farm: MemoryFarm, client: Path) -> None:
    """`builder build NAME --watch` is the request and the watch in one command."""
    definition = "project: demo\nchroots: [fedora-43-x86_64]\npackages:\n  hello:\n    style: release\n"
    definition += "    packaging: {git: https://git.example.org/hello.git}\n"
    assert builder("apply", "-f", "-", client=client, typed=definition.encode()).returncode == 0
    watch = started("build", "hello", "--watch", client=client)
    eventually("the watch follows", lambda: farm.following("events?build=2"))
    farm.finish(2, BuildState.SUCCEEDED)
    assert outcome(watch)[:2] == (
        0,
        ["build 2 of demo/hello", "--- source queued", "build 2 succeeded after 1m01s"],
    )


def test_several_builds_are_watched_until_all_have_ended(farm: MemoryFarm, client: Path) -> None:
    """What their jobs come to is told, over cuts too; exit code 1 says that not all have succeeded."""
    definition = "project: demo\nchroots: [fedora-43-x86_64]\npackages:\n"
    for name in ("hello", "other"):
        definition += f"  {name}:\n    style: release\n    packaging: {{git: https://git.example.org/{name}.git}}\n"
    assert builder("apply", "-f", "-", client=client, typed=definition.encode()).returncode == 0
    watch = started("build", "hello", "other", "--watch", client=client)
    eventually("the watch follows", lambda: farm.following("events?after="))
    farm.change(2, "source", JobState.RUNNING, attempt(1))
    farm.change(2, "source", JobState.SUCCEEDED)
    farm.finish(2, BuildState.SUCCEEDED)
    farm.cut()
    farm.change(3, CHROOT, JobState.CANCELLED, reason="hello (build 2) failed, which this needs")
    farm.finish(3, BuildState.CANCELLED)
    code, out, _ = outcome(watch)
    assert code == 1
    assert out[:2] == ["build 2 of demo/hello", "build 3 of demo/other"]
    assert "--- hello 2/source succeeded" in out
    assert f"--- other 3/{CHROOT} cancelled: hello (build 2) failed, which this needs" in out
    assert out[-1] == "1 of 2 builds succeeded"


def test_a_followed_log_goes_on_until_its_attempt_has_ended(farm: MemoryFarm, client: Path) -> None:
    """`builder log N JOB -f` waits for the attempt, survives a cut, and shows each byte once."""
    log = started("log", "1", "source", "-f", client=client)
    eventually("the log is followed", lambda: farm.following("/source/log"))
    farm.change(1, "source", JobState.RUNNING, attempt(1))
    farm.log(1, "source", 1, b"one\n")
    assert log.stdout is not None
    assert log.stdout.readline() == b"one\n"
    farm.cut()
    farm.log(1, "source", 1, b"two\n")
    farm.change(1, "source", JobState.SUCCEEDED, attempt(1, state=AttemptState.SUCCEEDED))
    assert outcome(log) == (0, ["two"], [])


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_farm_that_was_never_there_ends_a_watch_at_once(tmp_path: Path, options: list[str]) -> None:
    """Waiting is for a farm that comes back, not for a wrong address."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        client = client_toml(tmp_path, f"http://127.0.0.1:{taken.getsockname()[1]}")
        done = builder("watch", "1", *options, client=client)
    assert done.returncode == 4
    assert f"cannot be reached: {os.strerror(errno.ECONNREFUSED)}" in done.stderr
