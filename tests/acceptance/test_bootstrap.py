"""`scripts/bootstrap` on machines that lack something, and what it installs."""

import hashlib
import os
import shutil
import subprocess
import zipfile
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
        """Run the script with these programs alone, and no package index but the wheels beside them."""
        command = [str(checkout / "scripts" / "bootstrap"), *arguments]
        environment = {**os.environ, "PATH": str(self._folder), "PIP_NO_INDEX": "1"}
        environment |= {"PIP_FIND_LINKS": str(self._folder.parent / "wheels"), "PIP_CONFIG_FILE": os.devnull}
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
    served = [*Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    assert ("bootstrap: unpacking postgres into .unpacked\n" in done.stdout) == (not served)
    assert [path.name for path in (checkout / ".unpacked/zypper").iterdir()] == ["file"]
    assert not (checkout / ".unpacked/zypper.part").exists()
    assert "unpacking" not in machine.bootstrap("--test", checkout=checkout).stdout


LIBRARY = """\
import shutil

VERSION = {version!r}


def build_editable(folder, *_):
    return shutil.copy("project-1-py3-none-any.whl", folder).rpartition("/")[2]
"""
"""A library that projects are built with, too: of the one here, its wheel is there already."""


def wheel(folder: Path, name: str, version: str, code: str = "", needs: str = "") -> str:
    """Make a wheel with one module, and return its digest."""
    file = folder / f"{name}-{version}-py3-none-any.whl"
    information = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(f"{name}.py", code)
        archive.writestr(f"{information}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}")
        archive.writestr(f"{information}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{information}/RECORD", "")
    return hashlib.sha256(file.read_bytes()).hexdigest()


class Checkout:
    """A clone of a project that asks for one library, `rpm` (which the script looks for), and pins a release of it."""

    def __init__(self, folder: Path) -> None:
        self.root, self.wheels = folder / "checkout", folder / "wheels"
        self.wheels.mkdir()
        for name in ("scripts", "pins"):
            (self.root / name).mkdir(parents=True)
        for name in ("bootstrap", "requirements.py"):
            shutil.copy(ROOT / "scripts" / name, self.root / "scripts")
        (self.root / "pyproject.toml").write_text('[build-system]\nrequires = ["rpm"]\nbuild-backend = "rpm"\n')
        wheel(self.root, "project", "1")
        self.ask("rpm>=1")

    def ask(self, requirement: str) -> None:
        """Let setup.cfg ask for it."""
        (self.root / "setup.cfg").write_text(
            f"[options]\ninstall_requires =\n    {requirement}\n[options.extras_require]\ntest =\n    rpm\n"
        )

    def release(self, version: str, needs: str = "") -> str:
        """Add a release of `rpm`, and return its digest."""
        return wheel(self.wheels, "rpm", version, LIBRARY.format(version=version), needs)

    def pin(self, version: str, digest: str, asked: tuple[str, ...] = ("rpm", "rpm>=1")) -> None:
        """Pin that release, as scripts/pin does."""
        text = "".join(f"#   {line}\n" for line in asked) + f"rpm=={version} --hash=sha256:{digest}\n"
        for name in ("run", "test"):
            (self.root / f"pins/{name}.txt").write_text(text)

    def installed(self, venv: str = ".venv") -> str:
        """Return the version of `rpm` that is installed."""
        command = [str(self.root / venv / "bin/python"), "-c", "import rpm; print(rpm.VERSION)"]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()


@pytest.fixture
def checkout(machine: Machine, tmp_path: Path) -> Checkout:
    """On that machine, with everything of the system installed."""
    machine.program("dpkg-query", "printf installed")
    machine.program("getent", "exit 0")
    for name in ("zypper", "nginx", "sshd", "postgres"):
        machine.program(name, "")
    machine.tools("sed")
    return Checkout(tmp_path)


def test_exact_versions_are_installed_and_the_newest_beside_them(machine: Machine, checkout: Checkout) -> None:
    """A newer release changes nothing until it is pinned, or asked for; then nothing of the older one stays.

    A release of which there is no wheel is none.
    """
    old, new = checkout.release("1.0"), checkout.release("2.0")
    (checkout.wheels / "rpm-3.0.tar.gz").touch()
    checkout.pin("1.0", old)
    done = machine.bootstrap(checkout=checkout.root)
    assert (done.returncode, done.stdout) == (0, "bootstrap: installing Builder and its libraries into .venv\n")
    assert checkout.installed() == "1.0"

    left_over = checkout.root / ".venv/left-over"
    left_over.touch()
    newest = machine.bootstrap("--newest", checkout=checkout.root)
    assert (newest.returncode, newest.stdout) == (0, done.stdout.replace(".venv", ".venv-newest"))
    assert (checkout.installed(), checkout.installed(".venv-newest")) == ("1.0", "2.0")
    again = machine.bootstrap(checkout=checkout.root)
    assert (again.returncode, again.stdout, left_over.exists()) == (0, "", True)

    checkout.pin("2.0", new)
    assert machine.bootstrap(checkout=checkout.root).stdout == done.stdout
    assert (checkout.installed(), left_over.exists()) == ("2.0", False)


@pytest.mark.parametrize("needs", ["", "Requires-Dist: more\n"])
def test_what_is_not_pinned_is_not_installed(machine: Machine, checkout: Checkout, needs: str) -> None:
    """Neither a release whose file is another by now, nor a library that a pinned one needs beside it."""
    digest = checkout.release("1.0", needs)
    checkout.pin("1.0", digest if needs else hashlib.sha256(b"another").hexdigest())
    done = machine.bootstrap(checkout=checkout.root)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("bootstrap: pip could not install the libraries (see above)")
    assert not list((checkout.root / ".venv").rglob("rpm.py"))
    assert not (checkout.root / ".venv/bootstrap-stamp").exists()


def test_pins_for_other_requirements_are_refused(machine: Machine, checkout: Checkout) -> None:
    """Whoever asks for another library learns what to run, before anything is installed."""
    checkout.pin("1.0", checkout.release("1.0"))
    checkout.ask("rpm>=2")
    done = machine.bootstrap("--test", checkout=checkout.root)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "bootstrap: setup.cfg or pyproject.toml asks for other libraries than are pinned in pins/test.txt; "
        "run scripts/pin\n"
    )
    assert not (checkout.root / ".venv").exists()


def test_a_system_without_a_known_package_manager_is_told_so(tmp_path: Path) -> None:
    """There is no guessing where neither apt-get nor dnf is."""
    folder = tmp_path / "bin"
    folder.mkdir()
    done = Machine(folder).bootstrap()
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("bootstrap: this host has neither apt-get nor dnf")


@pytest.mark.parametrize("script", ["bootstrap", "demo", "pin", "test"])
def test_a_wrong_argument_shows_the_usage(script: str) -> None:
    """A mistyped option changes nothing."""
    done = subprocess.run([ROOT / "scripts" / script, "--kep"], check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.split()[:2] == ["usage:", f"scripts/{script}"]
