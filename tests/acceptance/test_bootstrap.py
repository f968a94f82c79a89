"""`scripts/bootstrap` on machines that lack something."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.distribution import ROOT

TOOLS = ("sh", "env", "cat", "dirname", "sha256sum", "grep", "mktemp", "rm", "tail")
"""What a minimal system has and the script uses."""


class Machine:
    """A folder of programs that stands for a machine: the real basic tools, and stand-ins for all that changes it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.tools(*TOOLS)

    def tools(self, *names: str) -> None:
        """Let it have these basic tools."""
        for name in names:
            (self._folder / name).symlink_to(str(shutil.which(name)))

    def program(self, name: str, script: str) -> None:
        """Add a program that is this shell script."""
        file = self._folder / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    def bootstrap(self, *arguments: str, checkout: Path = ROOT) -> subprocess.CompletedProcess[str]:
        """Run the script with these programs alone."""
        command = [str(checkout / "scripts" / "bootstrap"), *arguments]
        environment = {**os.environ, "PATH": str(self._folder)}
        return subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=60)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A Debian machine on which everything is installed but git and rpm, used by root."""
    folder = tmp_path / "bin"
    folder.mkdir()
    machine = Machine(folder)
    machine.program("id", "echo 0")
    machine.program("dpkg-query", 'case "$4" in git | rpm) exit 1 ;; *) printf installed ;; esac')
    machine.program("apt-get", f'echo "$*" >>{tmp_path}/apt-get.log; echo "E: Unable to locate package" >&2; exit 100')
    return machine


def test_what_cannot_be_installed_is_named_with_the_way_to_get_it(machine: Machine, tmp_path: Path) -> None:
    """One line says what is about to be installed, the end says why it was not and what to type."""
    done = machine.bootstrap()
    assert done.returncode == 1
    assert done.stdout == "bootstrap: installing packages of the system: git rpm\n"
    assert "E: Unable to locate package" in done.stderr
    assert "apt-get update && apt-get install --no-install-recommends git rpm\n" in done.stderr
    install = "install --yes --no-install-recommends git rpm"
    assert (tmp_path / "apt-get.log").read_text().splitlines() == [install, "update"]


def test_who_may_not_install_is_told_what_root_has_to_type(machine: Machine, tmp_path: Path) -> None:
    """Without root and without sudo nothing is tried."""
    machine.program("id", "echo 1000")
    done = machine.bootstrap()
    assert done.returncode == 1
    assert done.stderr == (
        "bootstrap: only root can; as root, run: apt-get update && apt-get install --no-install-recommends git rpm\n"
    )
    assert not (tmp_path / "apt-get.log").exists()


def test_what_cannot_be_installed_is_unpacked_beside_the_system(machine: Machine, tmp_path: Path) -> None:
    """A program that tests need is unpacked with what the system lacks for it, once; where that fails, it is named."""
    checkout = tmp_path / "checkout"
    (checkout / "scripts").mkdir(parents=True)
    shutil.copy(ROOT / "scripts/bootstrap", checkout / "scripts")
    machine.program("dpkg-query", "printf installed")
    machine.program("getent", "exit 0")
    machine.tools("sed", "mkdir", "mv", "xargs", "touch")
    refused = machine.bootstrap("--test", checkout=checkout)
    assert (refused.returncode, refused.stdout) == (1, "bootstrap: unpacking zypper into .unpacked\n")
    assert "could not unpack zypper" in refused.stderr
    machine.program("apt-get", 'case "$*" in *--simulate*) echo "Inst lib (1 x)" ;; download*) touch "$2.deb" ;; esac')
    machine.program("dpkg", 'test "$1 ${2##*/}" = "--extract lib.deb" && touch "$3/file"')
    done = machine.bootstrap("--test", checkout=checkout)
    assert "bootstrap: unpacking zypper into .unpacked\n" in done.stdout
    assert [path.name for path in (checkout / ".unpacked/zypper").iterdir()] == ["file"]
    assert not (checkout / ".unpacked/zypper.part").exists()
    assert "unpacking" not in machine.bootstrap("--test", checkout=checkout).stdout


def test_a_system_without_a_known_package_manager_is_told_so(tmp_path: Path) -> None:
    """There is no guessing where neither apt-get nor dnf is."""
    folder = tmp_path / "bin"
    folder.mkdir()
    done = Machine(folder).bootstrap()
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("bootstrap: this host has neither apt-get nor dnf")


@pytest.mark.parametrize("script", ["bootstrap", "demo"])
def test_a_wrong_argument_shows_the_usage(script: str) -> None:
    """A mistyped option changes nothing."""
    done = subprocess.run([ROOT / "scripts" / script, "--kep"], check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"usage: scripts/{script} ")
