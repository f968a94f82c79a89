"""From asking for a build to its first step, on an idle farm of real processes; Buildbot in turn, where it is given.

usage: python -m benchmarks.dispatch [--rounds N] [--buildbot VENV]

One master, one slave and one repository builder run on this host over TLS. Each round asks for one build over HTTP and
waits until its first step is recorded. `answer` is when the client has it, `acknowledged` when the master has the
slave's word that the order is in its journal (the master is started by a line that notes the time of that, and is
otherwise as it is), and `first step` when the step began by the slave's record. VENV is a virtual environment with
buildbot, buildbot-worker and buildbot-www; its round asks for one build by the force scheduler and waits for its first
step, a command that notes the time.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from builder.state import SlaveFolder
from tests.support.packages import definition, packaging
from tests.support.processes import Farm, eventually, free_port

CHROOT = """\
distribution = "mini"
version = "12"
architecture = "x86_64"
dist = ".mini12"
packages = ["nothing"]
repositories = [{ name = "nothing", url = "file:///nothing" }]
"""

NOTING = """\
import sys, time
from builder.cli.daemons import master
from builder.master.slaves import Connection
accepted = Connection.accepted
def noted(connection, attempt):
    with open({notes!r}, "a") as notes:
        notes.write(f"{{attempt}} {{time.time()}}\\n")
    accepted(connection, attempt)
Connection.accepted = noted
sys.exit(master())
"""

MASTER = """\
from buildbot.plugins import schedulers, steps, util, worker
step = steps.ShellCommand(command="date +%s.%N > {folder}/now; mv {folder}/now {folder}/began", logEnviron=False)
BuildmasterConfig = {{
    "workers": [worker.Worker("w", "secret")],
    "protocols": {{"pb": {{"port": "tcp:{pb}:interface=127.0.0.1"}}}},
    "builders": [util.BuilderConfig(name="b", workernames=["w"], factory=util.BuildFactory([step]))],
    "schedulers": [schedulers.ForceScheduler(name="force", builderNames=["b"])],
    "www": {{"port": "tcp:{www}:interface=127.0.0.1"}},
    "db": {{"db_url": "sqlite:///state.sqlite"}},
    "buildbotNetUsageData": None,
}}
"""

REST = 0.3
"""Seconds between rounds: what a build's end leaves to do is over, and the farm idle."""

Round = Callable[[], dict[str, float]]


@contextmanager
def builder(folder: Path) -> Iterator[Round]:
    """Rounds on a farm of ours."""
    chroots = folder / "chroots"
    chroots.mkdir()
    (chroots / "mini-12-x86_64.toml").write_text(CHROOT)
    url = packaging(folder / "git", "quick")
    notes = folder / "notes"
    farm, attempts = Farm(folder, chroots), SlaveFolder(folder / "slave1").attempts
    farm.master.command[:1] = [sys.executable, "-c", NOTING.format(notes=str(notes))]
    with farm:
        farm.call("POST", "/api/v1/definition", definition("quick", {"quick": url}))

        def play() -> dict[str, float]:
            asked = time.time()
            number = farm.call("POST", "/api/v1/builds", {"package": "quick"})["number"]
            answered = time.time()

            def at_work() -> list[Path] | None:
                return list(attempts.glob("*/records")) or None

            def began_at() -> float | None:
                lines = records.read_text().splitlines()
                return float(json.loads(lines[1])["time"]) if len(lines) > 1 else None

            def accepted_at() -> float | None:
                lines = notes.read_text().splitlines() if notes.exists() else []
                times = dict(line.split() for line in lines)
                return float(times[records.parent.name]) if records.parent.name in times else None

            [records] = eventually("an attempt has records", at_work)
            accepted = eventually("the order is accepted", accepted_at)
            began = eventually("a step began", began_at)
            farm.call("POST", f"/api/v1/builds/{number}/cancel", {})
            eventually("the slave is idle", lambda: not list(attempts.iterdir()))
            time.sleep(REST)
            return {"answer": answered - asked, "acknowledged": accepted - asked, "first step": began - asked}

        yield play


@contextmanager
def buildbot(folder: Path, venv: Path) -> Iterator[Round]:
    """Rounds on a Buildbot."""
    pb, www = free_port(), free_port()

    def run(name: str, *arguments: str) -> None:
        environment = {"PATH": f"{venv}/bin:/usr/bin:/bin", "HOME": str(folder)}
        subprocess.run([venv / "bin" / name, *arguments], cwd=folder, env=environment, check=True, capture_output=True)

    run("buildbot", "create-master", "master")
    (folder / "master" / "master.cfg").write_text(MASTER.format(folder=folder, pb=pb, www=www))
    run("buildbot-worker", "create-worker", "worker", f"127.0.0.1:{pb}", "w", "secret")
    run("buildbot", "start", "master")
    run("buildbot-worker", "start", "worker")
    forced = f"http://127.0.0.1:{www}/api/v2/forceschedulers/force"
    body = json.dumps({"id": 1, "jsonrpc": "2.0", "method": "force", "params": {"builderid": 1}}).encode()
    began = folder / "began"

    def connected() -> bool:
        with urllib.request.urlopen(f"http://127.0.0.1:{www}/api/v2/workers") as answer:
            return bool(json.loads(answer.read())["workers"][0]["connected_to"])

    def play() -> dict[str, float]:
        began.unlink(missing_ok=True)
        asked = time.time()
        request = urllib.request.Request(forced, data=body, headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            answer.read()
        answered = time.time()
        eventually("the step began", began.exists)
        time.sleep(REST)
        return {"answer": answered - asked, "first step": float(began.read_text()) - asked}

    try:
        eventually("the worker is connected", connected)
        yield play
    finally:
        run("buildbot-worker", "stop", "worker")
        run("buildbot", "stop", "master")


def main() -> None:
    """Play the rounds in turn and print the medians."""
    parser = argparse.ArgumentParser(description="Time from asking for a build to its first step.")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--buildbot", type=Path, metavar="VENV")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as ours, tempfile.TemporaryDirectory() as theirs, builder(Path(ours)) as first:
        if options.buildbot is None:
            report({"builder": first}, options.rounds)
        else:
            with buildbot(Path(theirs), options.buildbot.absolute()) as second:
                report({"builder": first, "buildbot": second}, options.rounds)


def report(sides: dict[str, Round], rounds: int) -> None:
    """One line per side and figure: milliseconds, median and 95th percentile."""
    seen: dict[str, list[dict[str, float]]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, play in sides.items():
            seen[name].append(play())
    for name, played in seen.items():
        for figure in played[0]:
            times = sorted(1000 * one[figure] for one in played)
            p95 = times[min(len(times) - 1, round(0.95 * len(times)))]
            print(
                f"{name:9} {figure:13} median {statistics.median(times):6.1f} ms   95 % {p95:6.1f} ms   n {len(times)}"
            )


if __name__ == "__main__":
    main()
