"""Nothing is left of attempts that were cancelled, killed or timed out, at whatever moment, by any executor.

BUILDER_ENDS says how many attempts are ended; one in each way is for everyday, and scripts/prove-ends does more.
"""

import fcntl
import os
import random
import re
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from builder.model.attempt import AttemptState
from builder.model.package import StepTimeouts
from builder.model.work import WorkOrder
from tests.contract.test_executor import Bench
from tests.support.attempts import RealAttempt
from tests.support.hosts import mini_chroot, open_folder
from tests.support.orders import order
from tests.support.processes import eventually

pytestmark = pytest.mark.farm

LATEST = 4.0
"""Seconds after which an attempt is ended at the latest; most have come to the build by then."""
SLEEP = "987655"
WAYS = ("cancel", "kill", "whole", "step", "silence")
"""What ends an attempt: a person, a fault, or one of its limits."""
REASONS = {
    "cancel": "cancelled",
    "kill": "the runner of 17/mini-12-x86_64 on .* died",
    "whole": r"it took longer than \d s",
    "step": r"the step (chroot|build) took longer than \d s",
    "silence": "nothing was written to the log for 1 s",
}
ENDS = int(os.environ.get("BUILDER_ENDS", len(WAYS)))


@pytest.fixture(scope="module", params=["chroot", "replay", "mock"])
def bench(mini_chroots: Path, request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Builds by each executor."""
    with open_folder() as folder:
        yield Bench(folder, mini_chroot(mini_chroots, folder), request.param)


def test_nothing_is_left_of_what_was_ended(bench: Bench) -> None:
    """No process, mount, lock or folder; and the next build finds the caches usable."""
    srpm, work = bench.srpm("hello", build=f"setsid sleep {SLEEP} &\nsleep {SLEEP}")
    chance = random.Random(4)
    for number in range(ENDS):
        way, after = WAYS[number % len(WAYS)], chance.uniform(0.05, LATEST)
        wanted = limited(order(work, attempt=secrets.token_hex(16)), way, max(1, round(after)))
        attempt = RealAttempt(bench.state, wanted, srpm, None, bench.variables)
        attempt.start()
        if way in {"cancel", "kill"}:
            time.sleep(after)
        if way == "cancel":
            attempt.folder.cancel()
        if way == "kill":
            attempt.kill()
            attempt.start()
        outcome = attempt.wait()
        assert re.fullmatch(REASONS[way], outcome.reason), f"{way} after {after} s: {outcome}"
        assert not attempt.folder.work.exists()
        eventually(f"nothing is left of attempt {number}", lambda: not left(bench))
    assert bench.build("after").folder.outcome().state is AttemptState.SUCCEEDED  # type: ignore[union-attr] # it has ended


def limited(wanted: WorkOrder, way: str, seconds: int) -> WorkOrder:
    """The order, with this as the limit that the way is about."""
    limits: dict[str, dict[str, Any]] = {
        "whole": {"timeout": seconds},
        "step": {"timeouts": StepTimeouts(chroot=seconds, build=1)},
        "silence": {"silence": 1},
    }
    return msgspec.structs.replace(wanted, **limits.get(way, {}))


def left(bench: Bench) -> list[str]:
    """What there is of attempts of this bench, on the whole host."""
    found = [line for line in Path("/proc/self/mounts").read_text().splitlines() if str(bench.state) in line]
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes()
            marked = f"BUILDER_ATTEMPT={bench.state}".encode() in (entry / "environ").read_bytes()
            if marked or command == f"sleep\0{SLEEP}\0".encode():
                found.append(command.decode(errors="replace"))
        except OSError:
            continue
    return [*found, *(str(path) for path in bench.state.glob("cache/**/*lock*") if is_locked(path))]


def is_locked(path: Path) -> bool:
    """Whether anybody holds a lock of either kind on the file."""
    with path.open("r+") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
