"""The start of a runner: until its first step is on record, and until an attempt that was cancelled before has ended.

usage: python -m benchmarks.start [--rounds N] [--beside CHECKOUT]

With CHECKOUT, another state of the project with a `.venv` of its own, both are measured in turn, ten starts each time.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parents[1]
STARTS = 10


def once(folder: Path) -> tuple[float, float]:
    """Seconds from the start of a runner to its first record and to its end."""
    from tests.support.attempts import RealAttempt  # noqa: PLC0415 - those of the checkout that is measured
    from tests.support.orders import order, source_work  # noqa: PLC0415 - likewise

    attempt = RealAttempt(folder, order(source_work()))
    attempt.folder.cancel()
    records = attempt.folder.path / "records"
    begin = time.perf_counter()
    attempt.start()
    while not records.exists():
        time.sleep(0.0002)
    first = time.perf_counter() - begin
    attempt.wait()
    return first, time.perf_counter() - begin


def starts() -> list[tuple[float, float]]:
    """Several starts, of which the first, which reads the files, does not count."""
    measured = []
    for _ in range(STARTS + 1):
        with tempfile.TemporaryDirectory() as name:
            measured.append(once(Path(name)))
    return measured[1:]


def measured(checkout: Path) -> list[tuple[float, float]]:
    """The starts of a checkout's runner, in processes of its own."""
    environment = {**os.environ, "PYTHONPATH": f"{checkout}:{checkout / 'scripts'}"}
    command = [str(checkout / ".venv/bin/python"), str(Path(__file__).resolve()), "--here"]
    done = subprocess.run(command, check=True, cwd=checkout, env=environment, stdout=subprocess.PIPE, timeout=300)
    return [(first, end) for first, end in json.loads(done.stdout)]


def main() -> None:
    """Measure in turn, and print the medians of each side."""
    parser = argparse.ArgumentParser(description="How fast a runner starts.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--beside", type=Path, metavar="CHECKOUT")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        json.dump(starts(), sys.stdout)
        return
    sides = {"this": HERE, **({"the other": options.beside.resolve()} if options.beside else {})}
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
    for _ in range(options.rounds):
        for name, checkout in sides.items():
            taken[name] += measured(checkout)
    for name, runs in taken.items():
        first, end = (statistics.median(times) * 1000 for times in zip(*runs, strict=True))
        print(f"{name}: first record after {first:.1f} ms, end of a cancelled attempt after {end:.1f} ms")


if __name__ == "__main__":
    main()
