"""A mini distribution is made once for a state of the host, and kept."""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from mini_distribution import packages, repository
from mini_distribution.dpkg import Package, installed


def default_folder() -> Path:
    """Where distributions are kept unless a folder is given (XDG base directory specification)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "builder", "mini-distribution")


def kept(folder: Path) -> tuple[Path, bool]:
    """The repository of this host's mini distribution under `folder`, and whether it had to be made.

    It is made beside its place and renamed, under a lock, so that callers at the same time make it once.

    Raises:
        UnfitHostError: See `repository`.
    """
    host = installed().without(packages.UNNEEDED)
    closure = repository.chosen(host)
    home = folder / _digest(closure)
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / "lock"):
        if home.exists():
            return home / "repo", False
        beside = home.with_suffix(".new")
        shutil.rmtree(beside, ignore_errors=True)
        repository.make(beside, host, closure)
        beside.rename(home)
    return home / "repo", True


def _digest(closure: Mapping[str, Package]) -> str:
    """What went in: the versions of the packages, and this program."""
    digest = hashlib.sha256()
    for package in closure.values():
        digest.update(f"{package.name} {package.version} {package.architecture}\n".encode())
    for module in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(module.read_bytes())
    return digest.hexdigest()[:16]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
