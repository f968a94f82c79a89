"""Runners killed at random moments, and what is left of them once the next ones have cleared up: nothing.

usage: python -m tests.support.kills [--kills N] [--seed SEED]

Each round gives a slave that has no master a source job and a chroot job to take up. Both leave processes behind that
want to outlive everybody. Their runners are killed at moments of their own; in every other round the slave is killed
before, so that its next life has to find out, and now and then the runner that clears up is killed too. When both
attempts have ended and the slave is stopped, there is no process of theirs, no mount, no lock and no workspace. At the
end the same work succeeds on what the killed ones have left: clones and caches.

This process adopts every orphan: what a runner has started is among its children, however it tries to get away.
"""

import argparse
import ctypes
import fcntl
import os
import secrets
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from random import Random

from builder.attempt.folder import AttemptFolder
from builder.config import Credentials
from builder.model.attempt import AttemptState
from builder.model.work import WorkOrder
from builder.slave.journal import Journal
from builder.state import SlaveFolder
from builder.wire import Role
from tests.support.attempts import RealAttempt
from tests.support.certificates import Pki
from tests.support.distribution import put_mini_distribution
from tests.support.hosts import mini_chroot
from tests.support.orders import chroot_work, order, source_work
from tests.support.packages import packaging
from tests.support.processes import BIN, Daemon, eventually, free_port

_PR_SET_CHILD_SUBREAPER = 36
AWAY = "setsid sleep 1000 > /dev/null 2>&1 &"
"""Leaves its group and session, and wants to outlive whoever started it."""
SLOW = "\n".join([f"{AWAY} sleep 0.1"] * 5)
AGAIN = 0.2
"""In what part of the rounds a runner that clears up is killed too."""
MOMENT = 10.0
"""How many seconds the kernel may need to take apart what was killed."""
CONFIG = """\
state = "{state}"
architectures = ["x86_64"]
[master]
host = "127.0.0.1"
port = {port}
[credentials]
ca = "{credentials.ca}"
certificate = "{credentials.certificate}"
key = "{credentials.key}"
"""


class Job:
    """One kind of work: its order, the SRPM that the order names, and how many seconds it takes undisturbed."""

    def __init__(self, order_: WorkOrder, srpm: Path | None) -> None:
        self.order = order_
        self.srpm = srpm
        self.seconds = 0.0

    def attempt(self, state: Path) -> RealAttempt:
        """A new attempt at it in the journal of the slave of `state`."""
        return RealAttempt(state, order(self.order.work, attempt=secrets.token_hex(16)), self.srpm)


class Kills:
    """A slave below `folder` whose runners are killed.

    Attributes:
        made: How many kills there were, by what the runner did.
        ended: How many attempts ended in which state.
        state: The slave's folder.
    """

    def __init__(self, folder: Path, random: Random) -> None:
        self.made: Counter[str] = Counter()
        self.ended: Counter[str] = Counter()
        self.state = folder / "slave"
        self._random = random
        self._slave = _slave(folder, self.state)
        self._jobs = _jobs(folder)
        for job in self._jobs:
            begun = time.monotonic()
            outcome = job.attempt(folder / "undisturbed").run()
            assert outcome.state is AttemptState.SUCCEEDED, outcome
            job.seconds = time.monotonic() - begun
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def round(self, *, with_slave: bool) -> list[str]:
        """Kill two runners, with a slave that sees it or without one, and return what is left then."""
        attempts = [job.attempt(self.state) for job in self._jobs]
        moments = [self._random.uniform(0, job.seconds) for job in self._jobs]
        self._slave.start()
        for attempt in attempts:
            eventually("it is at work", partial(_has_begun, attempt.folder))
        begun = time.monotonic()
        if not with_slave:
            self._slave.kill()
        for moment, attempt in sorted(zip(moments, attempts, strict=True), key=lambda pair: pair[0]):
            time.sleep(max(0.0, begun + moment - time.monotonic()))
            self._kill(attempt.folder, "at work")
        if not with_slave:
            self._slave.start()
        if self._random.random() < AGAIN:
            time.sleep(self._random.uniform(0, 0.5))
            self._kill(attempts[-1].folder, "clearing up")
        return self._end(attempts)

    def undisturbed(self) -> list[str]:
        """Do the same work without a kill, and return what went wrong."""
        attempts = [job.attempt(self.state) for job in self._jobs]
        self._slave.start()
        before = self.ended.total() - self.ended[AttemptState.SUCCEEDED.value]
        left = self._end(attempts)
        wrong = self.ended.total() - self.ended[AttemptState.SUCCEEDED.value] - before
        return [*left, *["work that does not succeed any more"] * wrong]

    def _kill(self, folder: AttemptFolder, doing: str) -> None:
        if folder.running():
            folder.signal(signal.SIGKILL)
            self.made[doing] += 1
        else:
            self.made["too late"] += 1

    def _end(self, attempts: list[RealAttempt]) -> list[str]:
        for attempt in attempts:
            eventually("it has ended", partial(_has_ended, attempt.folder))
            outcome = attempt.folder.outcome()
            assert outcome
            self.ended[outcome.state.value] += 1
        self._slave.stop()
        left = [*self._processes(), *self._mounts(), *self._locks(attempts), *self._folders(attempts)]
        journal = Journal(SlaveFolder(self.state))
        for attempt in attempts:
            journal.forget(attempt.folder)
        return left

    def _processes(self) -> list[str]:
        end = time.monotonic() + MOMENT
        while (left := list(_children())) and time.monotonic() < end:
            time.sleep(0.01)
        return [f"process {pid}: {_text(pid, 'cmdline')}" for pid in left]

    def _mounts(self) -> list[str]:
        tables = (_text(int(entry.name), "mountinfo") for entry in Path("/proc").glob("[0-9]*"))
        return sorted({line for table in tables for line in table.splitlines() if str(self.state) in line})

    def _locks(self, attempts: list[RealAttempt]) -> list[str]:
        places = [attempt.folder.lock for attempt in attempts]
        places += [*self.state.glob("git/*"), *self.state.glob("cache/dnf/*")]
        return [f"locked: {place}" for place in places if not _is_free(place)]

    def _folders(self, attempts: list[RealAttempt]) -> list[str]:
        own = {attempt.folder.path for attempt in attempts}
        strange = [path for path in SlaveFolder(self.state).attempts.iterdir() if path not in own]
        strange += [
            path
            for path in self.state.iterdir()
            if path.name not in {"attempts", "next", "parked", "git", "cache", "trust.pem"}
        ]
        work = [attempt.folder.work for attempt in attempts if attempt.folder.work.exists()]
        return [f"folder: {path}" for path in (*strange, *work)]


def _slave(folder: Path, state: Path) -> Daemon:
    """A slave's daemon, whose master never answers."""
    credentials: Credentials = Pki(folder / "pki").right(Role.SLAVE)
    config = folder / "slave.toml"
    config.write_text(CONFIG.format(state=state, port=free_port(), credentials=credentials))
    return Daemon([str(BIN / "builder-slave"), "--config", str(config)], folder / "slave.log")


def _jobs(folder: Path) -> tuple[Job, ...]:
    """A source job and a chroot job that take a moment and leave processes behind."""
    put_mini_distribution(folder / "chroots")
    chroot = mini_chroot(folder / "chroots", folder)
    leaving = packaging(folder / "git", "leaving", requires=(f"gcc\n%({AWAY} sleep 0.3)",))
    slow = RealAttempt(folder / "sources", order(source_work(packaging(folder / "git", "slow", build=SLOW))))
    source = slow.carry_out().source
    assert source, slow.log
    srpm = slow.artifacts[slow.srpm.name]
    work = chroot_work(srpm, chroot=chroot, inputs=source.inputs)
    return Job(order(source_work(leaving)), None), Job(order(work), slow.srpm)


def _has_begun(folder: AttemptFolder) -> bool:
    return folder.lock.exists() and folder.lock.stat().st_size > 0


def _has_ended(folder: AttemptFolder) -> bool:
    return folder.outcome() is not None and not folder.running()


def _children() -> Iterator[int]:
    """The children of this process that live, after those were reaped that do not (proc(5))."""
    for entry in Path("/proc").glob("[0-9]*"):
        fields = _text(int(entry.name), "stat").rpartition(")")[2].split()
        if fields and int(fields[1]) == os.getpid():
            pid, _ = os.waitpid(int(entry.name), os.WNOHANG)
            if not pid:
                yield int(entry.name)


def _text(pid: int, name: str) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/{name}").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""


def _is_free(place: Path) -> bool:
    descriptor = os.open(place, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def main() -> int:
    """Kill, look, and say what was found."""
    parser = argparse.ArgumentParser(description="Kill runners at random moments and look at what is left.")
    parser.add_argument("--kills", type=int, default=200, metavar="N", help="how many (default: 200)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="of the moments")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="builder-kills-", dir="/var/tmp") as name:
        kills = Kills(Path(name), Random(options.seed))
        left: list[str] = []
        rounds = 0
        while not left and kills.made["at work"] + kills.made["clearing up"] < options.kills:
            left = kills.round(with_slave=rounds % 2 == 0)
            rounds += 1
        left = left or kills.undisturbed()
        for pid in _children():
            os.kill(pid, signal.SIGKILL)
    figures = f"seed {options.seed}; {rounds} rounds; kills: {dict(kills.made)}; ends: {dict(kills.ended)}"
    sys.stdout.write("\n".join((figures, *([f"left: {one}" for one in left] or ["nothing is left"]), "")))
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
