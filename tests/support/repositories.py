"""What stands in the repository builder's state folder, seen from outside."""

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import createrepo_c

from builder.errors import InvalidError
from builder.repo import headers
from builder.repo.operations import Operations
from builder.state import StateFolder


def read_here(paths: Sequence[Path], folder: Path) -> None:
    """Reads RPM headers in this process, for tests that do it a thousand times."""
    for number, path in enumerate(paths):
        answer = headers.look(path, headers.record_path(folder, number))
        if isinstance(answer, headers.Unreadable):
            raise InvalidError(answer.reason)


class Workbench:
    """Operations on a state folder, at a time that the test sets."""

    def __init__(self, state: Path, now: float = 1_800_000_000.0) -> None:
        self.state = state
        self.now = now
        self.operations = Operations(StateFolder(state), lambda: self.now, read_here)
        self.operations.recover()


def picture(folder: Path) -> dict[str, tuple[str, int]]:
    """Everything below a folder: what each file, link and folder is, and how many names each file has."""
    return {
        entry.path.removeprefix(f"{folder}/"): (_content(entry), _names(entry) if entry.is_file() else 0)
        for entry in _entries(folder)
    }


def _entries(folder: Path | str) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as found:
        for entry in found:
            yield entry
            if entry.is_dir(follow_symlinks=False):
                yield from _entries(entry.path)


def _content(entry: os.DirEntry[str]) -> str:
    if entry.is_symlink():
        return f"-> {Path(entry).readlink()}"
    return "folder" if entry.is_dir() else hashlib.sha256(Path(entry).read_bytes()).hexdigest()


def _names(entry: os.DirEntry[str]) -> int:
    return entry.stat(follow_symlinks=False).st_nlink


def packages(tree: Path) -> dict[str, createrepo_c.Package]:
    """What a client of the tree's metadata sees, by NEVRA; every file is there with the content that is promised."""
    repomd = createrepo_c.Repomd(str(tree / "repodata" / "repomd.xml"))
    for record in repomd.records:
        content = (tree / record.location_href).read_bytes()
        assert hashlib.sha256(content).hexdigest() == record.checksum
    found: dict[str, createrepo_c.Package] = {}
    for package in createrepo_c.RepositoryReader.from_path(str(tree)).iter_packages():
        assert hashlib.sha256((tree / package.location_href).read_bytes()).hexdigest() == package.pkgId
        assert package.nevra() not in found
        found[package.nevra()] = package
    return found


def names(tree: Path) -> list[str]:
    """The NEVRAs that a client sees, without epochs of 0."""
    return sorted(name.replace("-0:", "-") for name in packages(tree))


def plain(text: str) -> str:
    """A `.repo` file of the farm as somebody writes it who names the repositories' own addresses.

    Packages are checked, and metadata is not: between the requests for it and for its signature, another generation may
    become current. zypper would check it, where it is signed, as long as `gpgcheck` is on; for it there is
    `pkg_gpgcheck`, which dnf does not know.
    """
    return re.sub(r"(?m)^mirrorlist=(.*)/mirrorlist$", r"baseurl=\1/", text).replace(
        "repo_gpgcheck=1", "repo_gpgcheck=0"
    )


def plain_for_zypper(text: str) -> str:
    """The same in zypper's words."""
    return re.sub(r"(?m)^gpgcheck=1$", "gpgcheck=0\npkg_gpgcheck=1", plain(text))
