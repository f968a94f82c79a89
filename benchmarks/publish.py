"""How long it takes until one more package is published, against `createrepo_c --update` in turn.

    python -m benchmarks.publish [--packages 2000] [--rounds 5] [--folder /var/tmp]

Both have the same packages, with 30 files each. Builder's figure is for the whole operation, on this repository and the
small one of the source packages: digests checked, headers read by the child process, links, metadata written, verified
and synced, the switch. The other one is the metadata alone, in the same compression. `--folder` is on the disk that is
measured.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from builder.model.operation import NumberedOperation
from builder.repo.headers import read_apart
from builder.repo.operations import Operations
from builder.state import StateFolder
from builder.wire import Applied
from tests.support.rpms import deliver, order_of, rpms

FILES = 30
EACH = 500
"""How many packages one spec makes."""


def many(packages: int) -> list[tuple[Path, ...]]:
    """Builds that have so many binary packages together."""
    names = tuple(f"part{number:03}" for number in range(EACH - 1))
    return [rpms(f"bulk{number}", subpackages=names, count=FILES) for number in range(packages // EACH)]


def publish(operations: Operations, state: Path, number: int, files: tuple[Path, ...]) -> float:
    """Seconds to publish one build."""
    order = order_of(number, srpm=files[-1].name)
    deliver(state, order, files)
    began = time.perf_counter()
    (answer,) = operations.carry_out([NumberedOperation(number=number, operation=order)])
    took = time.perf_counter() - began
    assert isinstance(answer, Applied), answer
    return took


def update(folder: Path, file: Path) -> float:
    """Seconds for createrepo_c to take in one more file."""
    os.link(file, folder / "Packages" / file.name)
    command = [str(Path(sys.executable).with_name("createrepo_c")), "--quiet", "--update", "--compress-type=gz"]
    began = time.perf_counter()
    subprocess.run([*command, "--general-compress-type=gz", folder], check=True)
    return time.perf_counter() - began


def measure(home: Path, packages: int, rounds: int) -> None:
    state = StateFolder(home / "state")
    operations = Operations(state, time.time, read_apart)
    operations.recover()
    (home / "plain/Packages").mkdir(parents=True)
    builds = many(packages)
    for number, files in enumerate(builds, start=1):
        took = publish(operations, state.path, number, files)
        print(f"{len(files) - 1} packages at once, {EACH * number} then: {took:.2f} s")
    for rpm in state.repos.glob("*/*/*/x86_64/Packages/*/*.rpm"):
        os.link(rpm, home / "plain/Packages" / rpm.name)
    update(home / "plain", rpms("first")[0])
    figures: dict[str, list[float]] = {"Builder": [], "createrepo_c --update": []}
    for number in range(rounds):
        made = rpms(f"one{number}", count=FILES)
        turns: dict[str, Callable[[], float]] = {
            "Builder": lambda number=number, made=made: publish(  # type: ignore[misc]  # bound now
                operations, state.path, 1000 + number, made
            ),
            "createrepo_c --update": lambda made=made: update(home / "plain", made[0]),  # type: ignore[misc]  # bound now
        }
        for who, turn in turns.items():
            figures[who].append(turn())
    for who, seconds in figures.items():
        print(
            f"one package to {packages}: {who:22} {statistics.median(seconds):.2f} s median, {max(seconds):.2f} s worst"
        )
    print(f"memory of this process at most: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp"))
    arguments = parser.parse_args()
    if arguments.packages < EACH or arguments.packages % EACH:
        parser.error(
            f"--packages {arguments.packages}: they are made {EACH} at a time, so it must be a multiple of that"
        )
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        measure(Path(folder), arguments.packages, arguments.rounds)
