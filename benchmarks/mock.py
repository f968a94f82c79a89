"""What an attempt with mock takes longer than mock alone: both build one small package, in turn.

usage: BUILDER_MOCK=… python -m benchmarks.mock [ROUNDS]

Both have the same settings of the root, a warm cache of it, and the same namespaces, in which Debian's rpm finds its
database. mock alone runs `--rebuild` once and removes the root; the attempt is a runner from its start to
`result.json`: the same run of mock, the gate in between, artifacts, and the root removed.
"""

import os
import secrets
import statistics
import subprocess
import sys
import time
from pathlib import Path

from builder.model.attempt import AttemptState
from builder.model.chroot import Chroot
from builder.model.work import ChrootWork
from builder.runner.executors.mock import environment, found, keeping, own_database, unprivileged
from builder.runner.executors.mock_settings import CACHE, FOLDER, ROOTS, Host, kept, root_settings
from tests.contract.test_executor import Bench
from tests.support.distribution import put_mini_distribution
from tests.support.hosts import mini_chroot, open_folder

PROGRAM = "echo 'int main(void) { return 0; }' > main.c\ncc -o main main.c"


def alone(folder: Path, srpm: Path, work: ChrootWork) -> float:
    """Seconds that mock needs by itself."""
    own, cache = folder / "alone" / secrets.token_hex(4), folder / "alone" / "cache"
    for path in (own / "result", cache / "roots"):
        path.mkdir(parents=True, exist_ok=True)
    own.chmod(0o755)
    os.chown(own / "result", unprivileged(), -1)
    config = own / "chroot.cfg"
    config.write_text(root_settings(work, Host()) + f"config_opts['macros']['%dist'] = {work.chroot.dist!r}\n")
    os.utime(config, (0, 0))
    (own / srpm.name).write_bytes(srpm.read_bytes())
    options = [f"--root={FOLDER}/chroot.cfg", f"--uniqueext={own.name}", f"--resultdir={FOLDER}/result", "--rebuild"]
    mounts = [(own, FOLDER), (cache, CACHE), (cache / "roots", ROOTS), *own_database(own)]
    command = kept(keeping(), [str(found()), *options, f"{FOLDER}/{srpm.name}"], mounts, cut=False)
    begin = time.perf_counter()
    with (own / "log").open("wb") as log:
        subprocess.run(command, check=True, stdout=log, stderr=log, env=environment(), timeout=600)
    return time.perf_counter() - begin


def attempt(bench: Bench, srpm: Path, work: ChrootWork) -> float:
    """Seconds from a runner's start to its end."""
    one = bench.attempt(srpm, work)
    begin = time.perf_counter()
    outcome = one.run()
    seconds = time.perf_counter() - begin
    assert outcome.state is AttemptState.SUCCEEDED, one.log
    return seconds


def measure(folder: Path, chroot: Chroot, rounds: int) -> None:
    """Warm up both, then run them in turn."""
    bench = Bench(folder, chroot, "mock")
    srpm, work = bench.srpm("hello", requires=("gcc",), build=PROGRAM)
    alone(folder, srpm, work)
    attempt(bench, srpm, work)
    pairs = [(alone(folder, srpm, work), attempt(bench, srpm, work)) for _ in range(rounds)]
    for name, seconds in zip(("mock alone", "the attempt"), zip(*pairs, strict=True), strict=True):
        print(f"{name}: median {statistics.median(seconds):.2f} s of {[round(one, 2) for one in seconds]}")
    more = statistics.median(ours - theirs for theirs, ours in pairs)
    allowed = 0.1 * statistics.median(theirs for theirs, _ in pairs) + 0.3
    print(f"more: median {more:.2f} s; 10 % and 300 ms are {allowed:.2f} s")


if __name__ == "__main__":
    with open_folder() as place:
        put_mini_distribution(place / "chroots")
        measure(place, mini_chroot(place / "chroots", place), int(sys.argv[1]) if sys.argv[1:] else 5)
