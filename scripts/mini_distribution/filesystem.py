"""What belongs to no Debian package: the root folders, links, accounts and macros, and the build root itself."""

import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from mini_distribution.spec import File, Rpm

NAME = "mini-filesystem"
VERSION = "12"

MERGED = tuple(name for name in ("bin", "sbin", "lib", "lib32", "lib64") if Path("/", name).is_symlink())
"""The links of the merged /usr."""

LINKS: dict[str, dict[str, str]] = {
    NAME: {f"/{name}": f"usr/{name}" for name in MERGED} | {"/etc/os-release": "../usr/lib/os-release"},
    "bash": {"/usr/bin/sh": "bash"},
    "debianutils": {"/usr/bin/which": "which.debianutils"},
    "gcc": {"/usr/bin/cc": "gcc"},
    "mawk": {"/usr/bin/awk": "mawk"},
}
"""By package, the links that it holds and where they lead.

They take the place of the host's alternatives. `sh` is bash as it is on RPM distributions, whose own scripts expect
that.
"""

MACROS = """\
# Debian's rpm keeps its database in the user's home and its libraries elsewhere.
%_dbpath /var/lib/rpm
%_lib lib
%_libdir %{_prefix}/lib
%dist .mini12
%vendor Mini distribution
%_build_id_links none
%debug_package %{nil}
"""

OS_RELEASE = """\
NAME="Mini distribution"
ID=mini
VERSION_ID=12
PRETTY_NAME="Mini distribution 12"
"""

BASE_ACCOUNTS = Path("/usr/share/base-passwd")
"""Debian's account files as delivered; the host's own are nobody's business."""

FOLDERS = {
    **dict.fromkeys(("/boot", "/dev", "/etc", "/etc/rpm", "/home", "/media", "/mnt", "/opt", "/run", "/srv"), 0o755),
    **dict.fromkeys(("/usr", "/usr/bin", "/usr/lib", "/usr/sbin", "/var", "/var/cache", "/var/lib"), 0o755),
    **dict.fromkeys(("/var/lib/rpm", "/var/log"), 0o755),
    **dict.fromkeys(("/proc", "/sys"), 0o555),
    **dict.fromkeys(("/tmp", "/var/tmp"), 0o1777),
    "/root": 0o700,
}

MAILBOX = "/var/mail/builder"
MADE_BY_POST = "/etc/mini-buildroot"


def texts() -> dict[str, str]:
    """The files that are written rather than copied, by path."""
    return {
        "/etc/passwd": (BASE_ACCOUNTS / "passwd.master").read_text(),
        "/etc/group": (BASE_ACCOUNTS / "group.master").read_text(),
        "/etc/rpm/macros.mini": MACROS,
        "/usr/lib/os-release": OS_RELEASE,
        MAILBOX: "",
    }


PATHS = {path for links in LINKS.values() for path in links} | {"/usr/lib/os-release"}
"""Paths that the host's packages own too, and that are not taken from there."""


@cache
def accounts(path: str) -> dict[int, str]:
    """The names by id in `/etc/passwd` or `/etc/group` of the distribution."""
    lines = (line.split(":") for line in texts()[path].splitlines())
    return {int(fields[2]): fields[0] for fields in lines}


def base() -> Rpm:
    """The package that all others require."""
    return Rpm(
        name=NAME,
        version=VERSION,
        release="1",
        summary="Folders, links, accounts and macros of the mini distribution",
        provides=("setup", "filesystem", "system-release", f"system-release(releasever) = {VERSION}"),
        files=(
            *(File(path, mode, kind="%dir ") for path, mode in FOLDERS.items()),
            *(File(path, 0o777) for path in LINKS[NAME]),
            *(File(path, 0o644) for path in texts() if path != MAILBOX),
        ),
    )


def build_root(requires: Iterable[str]) -> Rpm:
    """The package whose requirements are a build root.

    It also holds what a root made without root's rights fails on if its user namespace is not a whole one: a file of
    another group than root, and a scriptlet that changes the root.
    """
    return Rpm(
        name="mini-buildroot",
        version=VERSION,
        release="1",
        summary="What every build root has",
        requires=tuple(requires),
        files=(
            File("/var/mail", 0o2775, group="mail", kind="%dir "),
            File(MAILBOX, 0o660, group="mail"),
            File(MADE_BY_POST, 0o644, kind="%ghost "),
        ),
        post=f"ldconfig\nchgrp mail {MAILBOX} && date -u > {MADE_BY_POST}",
    )


def put(tree: Path) -> None:
    """Make the folders, links and texts of this module under `tree`."""
    for path in (*FOLDERS, "/var/mail"):
        _under(tree, path).mkdir(parents=True, exist_ok=True)
    for links in LINKS.values():
        for path, target in links.items():
            _under(tree, path).symlink_to(target)
    for path, text in texts().items():
        _under(tree, path).write_text(text)


def _under(tree: Path, path: str) -> Path:
    return tree / path.removeprefix(os.sep)
