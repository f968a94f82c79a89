"""What an idle farm costs: memory and processor time of master, slaves and repository builder, with a page open.

usage: python -m benchmarks.idle [--seconds S]

Two slaves are connected and a headless chromium shows the overview. Memory is the proportional set size of
/proc/PID/smaps_rollup (proc(5)); processor time is user and system time over S seconds, told per minute.
"""

import argparse
import os
import subprocess
import tempfile
import time
from pathlib import Path

from tests.support.processes import Daemon, Farm

CHROMIUM = (
    "chromium",
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
)


def memory(daemon: Daemon) -> float:
    """Proportional set size in MiB."""
    lines = Path(f"/proc/{daemon.pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def processor_time(daemon: Daemon) -> float:
    """Seconds of user and system time so far."""
    fields = Path(f"/proc/{daemon.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure once and print one line per process."""
    parser = argparse.ArgumentParser(description="Memory and processor time of an idle farm.")
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "chroots").mkdir()
        with Farm(folder, folder / "chroots", slaves=2) as farm:
            page = subprocess.Popen(
                [*CHROMIUM, f"--user-data-dir={folder}/profile", "--remote-debugging-port=0", farm.url],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            try:
                time.sleep(5)  # what starting costs is not what idling costs
                daemons = {"master": farm.master, "repo": farm.repo, "slave1": farm.slaves[0], "slave2": farm.slaves[1]}
                before = {who: processor_time(daemon) for who, daemon in daemons.items()}
                time.sleep(options.seconds)
                for who, daemon in daemons.items():
                    used = (processor_time(daemon) - before[who]) * 60 / options.seconds
                    print(f"{who:7} {memory(daemon):6.1f} MiB   {used:5.2f} s of processor time per minute")
            finally:
                page.terminate()
                page.wait()


if __name__ == "__main__":
    main()
