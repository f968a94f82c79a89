"""What following a log costs: processor time of slave and master while a build says line after line.

usage: python -m benchmarks.follow [--lines N] [--seconds S]

A source job sleeps in its spec, and N lines of 80 bytes a second are added to its log meanwhile, one by one, as a
compiler does. Processor time is user and system time over S seconds, in per cent of one core.
"""

import argparse
import tempfile
import time
from pathlib import Path

from benchmarks.dispatch import CHROOT
from benchmarks.idle import processor_time
from builder.state import SlaveFolder
from tests.support.packages import definition, packaging
from tests.support.processes import Farm, eventually

LINE = b"x" * 79 + b"\n"


def say(log: Path, lines: int, seconds: float) -> None:
    """Add `lines` lines a second to `log` for this many seconds."""
    begun = time.monotonic()
    with log.open("ab", buffering=0) as file:
        for number in range(int(lines * seconds)):
            file.write(LINE)
            time.sleep(max(0.0, begun + (number + 1) / lines - time.monotonic()))


def main() -> None:
    """Measure once and print one line per process."""
    parser = argparse.ArgumentParser(description="Processor time of following a log.")
    parser.add_argument("--lines", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "chroots").mkdir()
        (folder / "chroots" / "mini-12-x86_64.toml").write_text(CHROOT)
        with Farm(folder, folder / "chroots") as farm:
            url = packaging(folder / "git", "hello", requires=("gcc\nSource0: %(sleep 3600)",))
            farm.call("POST", "/api/v1/definition", definition("bench", {"hello": url}))
            farm.call("POST", "/api/v1/builds", {"package": "hello"})
            attempts = SlaveFolder(folder / "slave1").attempts
            log = eventually("it is at work", lambda: next(attempts.glob("*/log"), None))
            eventually("it sleeps", lambda: b"packaging:" in log.read_bytes())
            daemons = {"master": farm.master, "slave": farm.slaves[0]}
            before = {who: processor_time(daemon) for who, daemon in daemons.items()}
            say(log, options.lines, options.seconds)
            for who, daemon in daemons.items():
                used = (processor_time(daemon) - before[who]) * 100 / options.seconds
                print(f"{who:6} {used:5.1f} % of a core")


if __name__ == "__main__":
    main()
