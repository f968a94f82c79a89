"""The three promises of the architecture, with real processes, TLS, dnf and rpmbuild.

A killed master finds the build going on, a killed slave takes up its runner's attempt, and a cut upload goes on at the
offset.
"""

import random
import re
import signal
import time
from pathlib import Path

import pytest

from tests.support.cutter import Cutter
from tests.support.packages import definition, packaging
from tests.support.processes import Farm, eventually

pytestmark = [pytest.mark.farm, pytest.mark.long]

COUNTING = """\
i=0
while [ $i -lt {lines} ]; do
    i=$((i + 1))
    echo "line $i."
    sleep 0.01
done"""
LONG, SHORT = 2000, 500
"""Lines, 100 of them a second: what is interrupted twenty times counts for 20 s, what is interrupted once for 5 s."""


def numbered(log: str) -> list[int]:
    """The numbers of the lines that the counting build printed."""
    return [int(number) for number in re.findall(r"^line (\d+)\.$", log, re.MULTILINE)]


def start_counting(farm: Farm, folder: Path, lines: int) -> int:
    """Ask for the build that counts, and wait until it does."""
    url = packaging(folder, "counting", build=COUNTING.format(lines=lines))
    farm.call("POST", "/api/v1/definition", definition("promises", {"counting": url}))
    number = int(farm.call("POST", "/api/v1/builds", {"package": "counting"})["number"])
    eventually("the build counts", lambda: "line 1." in farm.log_so_far(number, "mini-12-x86_64"))
    return number


def check_exactly_once(farm: Farm, number: int, lines: int) -> None:
    """One attempt, its log 1…N without gap or repetition, and each artifact published once."""
    build = farm.finished(number)
    assert build["state"] == "succeeded", build
    job = next(job for job in build["jobs"] if job["name"] == "mini-12-x86_64")
    assert [attempt["state"] for attempt in job["attempts"]] == ["succeeded"]
    log = farm.log_of(number, "mini-12-x86_64")
    assert numbered(log) == list(range(1, lines + 1))
    assert len(re.findall(r"^Executing\(%build\)", log, re.MULTILINE)) == 1
    assert sorted(job["published"]) == ["counting-1.0-1.mini12.noarch", "counting-1.0-1.mini12.src"]
    pool = [path for path in (farm.state / "pool").rglob("*.rpm") if path.is_file()]
    assert len(pool) == 2


def test_a_killed_master_finds_the_build_going_on(tmp_path: Path, mini_chroots: Path) -> None:
    """The master is killed at 20 random moments of a build: the log is exactly 1…N, built once, published once."""
    chance = random.Random(20)
    with Farm(tmp_path, mini_chroots) as farm:
        number = start_counting(farm, tmp_path / "git", LONG)
        for _ in range(20):
            time.sleep(chance.uniform(0.05, 0.5))
            farm.master.kill()
            farm.start_master()
        check_exactly_once(farm, number, LONG)


def test_a_stopped_master_finds_the_build_going_on(tmp_path: Path, mini_chroots: Path) -> None:
    """A master that is stopped in order, and started again, has lost nothing either."""
    with Farm(tmp_path, mini_chroots) as farm:
        number = start_counting(farm, tmp_path / "git", SHORT)
        assert farm.master.stop() == 0
        farm.start_master()
        check_exactly_once(farm, number, SHORT)


@pytest.mark.parametrize("way", [signal.SIGTERM, signal.SIGKILL])
def test_a_restarted_slave_takes_up_the_attempt_of_its_runner(tmp_path: Path, mini_chroots: Path, way: int) -> None:
    """The slave process ends in the middle of a build and starts again: same attempt, same build, nothing twice."""
    with Farm(tmp_path, mini_chroots) as farm:
        number = start_counting(farm, tmp_path / "git", SHORT)
        slave = farm.slaves[0]
        if way == signal.SIGTERM:
            slave.stop()
        else:
            slave.kill()
        slave.start()
        check_exactly_once(farm, number, SHORT)


def test_a_cut_upload_goes_on_at_the_offset(tmp_path: Path, mini_chroots: Path) -> None:
    """The connection is cut three times inside a file of 24 MB: it arrives whole, nothing of it is sent twice."""
    megabytes = 24
    install = f"head -c {megabytes}000000 /dev/urandom > %{{buildroot}}/usr/share/big/text"
    url = packaging(tmp_path / "git", "big", install=install)
    with Farm(tmp_path, mini_chroots, slaves=0) as farm, Cutter(farm.rpc) as cutter:
        farm.add_slave("slave1", port=cutter.port)
        farm.call("POST", "/api/v1/definition", definition("promises", {"big": url}))
        cutter.cut_after(bytes_each=5_000_000, times=3)
        number = farm.call("POST", "/api/v1/builds", {"package": "big"})["number"]
        build = farm.finished(number)
        assert build["state"] == "succeeded", build
        job = next(job for job in build["jobs"] if job["name"] == "mini-12-x86_64")
        assert [attempt["state"] for attempt in job["attempts"]] == ["succeeded"]
        assert cutter.cuts == 3
        # RPM and SRPM, a little over one file of random bytes; each cut may cost what was in flight.
        assert cutter.passed < (megabytes + 3 * 3) * 1_000_000
