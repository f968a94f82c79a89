"""`scripts/demo`, run as a newcomer runs it, and whether what it claims is true."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.distribution import ROOT

pytestmark = pytest.mark.farm


@dataclass(frozen=True)
class Demo:
    """One finished run: its exit code, what it printed, and its folder."""

    code: int
    output: str
    folder: Path

    @property
    def repository(self) -> Path:
        """The repository that it published to."""
        (repository,) = (self.folder / "farm/master/repos/hello/testing").glob("*/x86_64")
        return repository


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo, run once for all tests of this file."""
    temporary = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        [ROOT / "scripts" / "demo"],
        check=False,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=400,
    )
    (folder,) = temporary.glob("builder-demo-*")
    return Demo(done.returncode, done.stdout, folder)


def test_it_ends_well_and_the_program_prints_its_line(demo: Demo) -> None:
    """Both packages are built, and hello, installed by dnf over HTTP, runs."""
    assert demo.code == 0, demo.output
    assert "\nHello, packager!\n" in demo.output
    assert "== done: " in demo.output


def test_the_last_lines_say_where_everything_is(demo: Demo) -> None:
    """The folders that are named exist, and the commands that are named are there."""
    last = demo.output[demo.output.index("== done") :]
    places = [Path(place) for place in re.findall(rf"{re.escape(str(demo.folder))}[^\s,;)]*", last)]
    assert {place.name for place in places} >= {"repos", "logs", "client.toml"}
    assert all(place.exists() for place in places)
    for subject in ("pages", "repositories", "logs", "to go on", "to clean up"):
        assert f"\n{subject} " in last


def test_nothing_is_left_running(demo: Demo) -> None:
    """Without --keep every process of the farm, and the web server, have ended."""
    left = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            left += [
                command for command in [(process / "cmdline").read_bytes()] if str(demo.folder).encode() in command
            ]
        except OSError:  # it has ended meanwhile
            continue
    assert left == []


def test_the_repository_lists_both_packages_with_what_they_require(demo: Demo, tmp_path: Path) -> None:
    """dnf finds hellolib in CI style and hello, which needs the library, in the published repository."""
    query = ["dnf", "repoquery", "--quiet", f"--repofrompath=farm,file://{demo.repository}", "--repoid=farm"]
    query += ["--setopt=plugins=0", f"--setopt=cachedir={tmp_path}/cache", f"--setopt=logdir={tmp_path}"]
    query += ["--queryformat=%{name} %{release} needs %{requires}"]
    answer = subprocess.run(query, check=True, capture_output=True, text=True, timeout=120).stdout
    releases = dict(re.findall(r"^(\S+) (\S+) needs ", answer, re.MULTILINE))
    assert releases.keys() == {"hello", "hellolib", "hellolib-devel"}
    assert releases["hello"] == "1.mini12"
    assert re.fullmatch(r"\d{8}\.1git[0-9a-f]+\.mini12", releases["hellolib"])
    assert "libhellolib.so.1()(64bit)" in answer[answer.index("hello 1.mini12") :]


def test_the_digests_of_the_packages_are_right(demo: Demo) -> None:
    """`rpm -K` finds every published package whole."""
    packages = sorted(str(package) for package in demo.repository.rglob("*.rpm"))
    assert packages
    answer = subprocess.run(["rpm", "-K", *packages], check=False, capture_output=True, text=True, timeout=60)
    assert answer.returncode == 0, answer.stdout
    assert len(re.findall(r": digests OK$", answer.stdout, re.MULTILINE)) == len(packages)
