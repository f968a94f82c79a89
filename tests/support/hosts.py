"""The users as whom a slave may run on this host: root, and an ordinary one with ranges of subordinate ids."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from builder.model.chroot import Chroot

ORDINARY = "builder-test"


@contextmanager
def ordinary_user() -> Iterator[str]:
    """An ordinary user with ranges in /etc/subuid and /etc/subgid, made for the test when that is root's."""
    if os.geteuid() != 0:
        yield pwd.getpwuid(os.geteuid()).pw_name
        return
    made = subprocess.run(["useradd", "--create-home", ORDINARY], check=False, capture_output=True, timeout=60)
    try:
        yield ORDINARY
    finally:
        if made.returncode == 0:
            subprocess.run(["userdel", "--remove", ORDINARY], check=True, capture_output=True, timeout=60)


def as_user(user: str | None, command: list[str]) -> list[str]:
    """`command` as another user."""
    if user is None or user == pwd.getpwuid(os.geteuid()).pw_name:
        return command
    home = pwd.getpwnam(user).pw_dir
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "env", f"HOME={home}", *command]


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that every user can reach, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="builder-test-", dir="/var/tmp"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        subprocess.run(["rm", "-rf", folder], check=True, timeout=300)


def mini_chroot(chroots: Path, folder: Path) -> Chroot:
    """The mini distribution's chroot, with a copy of its repository in `folder` that every user can read."""
    repository = folder / "mini"
    shutil.copytree(chroots / "repo", repository)
    chroot = msgspec.convert(tomllib.loads((chroots / "mini-12-x86_64.toml").read_text()), Chroot)
    (base,) = chroot.repositories
    local = msgspec.structs.replace(base, url=f"file://{repository}")
    return msgspec.structs.replace(chroot, repositories=(local,))


def python_of(user: str | None) -> str:
    """An interpreter that the user can run, of the version that runs the tests; skips where nothing can be run."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, f"/usr/bin/python{version}"):
        reads = [python, "-I", "-S", "-c", f"open({__file__!r})"]
        if not subprocess.run(as_user(user, reads), check=False, capture_output=True, timeout=60).returncode:
            return python
    pytest.skip(f"{user} cannot read this checkout, or has no Python {version}")
