"""Chroots: the files from which build roots are made.

Each is called after the chroot that it defines, `fedora-43-x86_64.toml`. Of several folders the first that has a
chroot wins. A file with a mistake is left out, and the farm goes on without its chroot.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from builder.config import read_toml
from builder.errors import InvalidError
from builder.mistakes import Check, Mistake, read, shown
from builder.model.chroot import BaseRepository, Chroot


class LoadedChroots(NamedTuple):
    """The chroots by name, and a sentence with file and key for each mistake."""

    chroots: dict[str, Chroot]
    mistakes: tuple[str, ...]


def load(folders: Iterable[Path]) -> LoadedChroots:
    """Read all files `*.toml` of these folders."""
    chroots: dict[str, Chroot] = {}
    mistakes: list[str] = []
    for folder in folders:
        for path in sorted(folder.glob("*.toml")):
            if path.stem not in chroots:
                try:
                    chroots[path.stem] = check(path)
                except InvalidError as error:
                    mistakes += error.mistakes
    return LoadedChroots(chroots, tuple(mistakes))


def check(path: Path) -> Chroot:
    """Return the chroot that a file defines.

    Raises:
        InvalidError: With every mistake, each with file, key and what would be right.
    """
    chroot, mistakes = read(read_toml(path), Chroot, checks=_CHECKS)
    if chroot is None:
        raise InvalidError(*(f"{path}: {Mistake(wrong.place, wrong.sentence).text}" for wrong in mistakes))
    if chroot.name != path.stem:
        raise InvalidError(f"{path}: this defines {chroot.name}; it should be called {chroot.name}.toml")
    return chroot


_ARCHITECTURES: Final = {"amd64": "x86_64", "x86-64": "x86_64", "arm64": "aarch64", "i386": "i686"}
"""The names that others have for architectures, and rpm's own."""
_DIST: Final = re.compile(r"(?:\.[A-Za-z0-9._+~^]+)?")
_URL: Final = re.compile(r"(?:https?|ftp)://[^/]+/|file:///")


def _check_chroot(fields: Mapping[str, Any]) -> Iterator[Mistake]:
    architecture, dist = fields.get("architecture"), fields.get("dist")
    if architecture in _ARCHITECTURES:
        yield Mistake(("architecture",), f"should be `{_ARCHITECTURES[architecture]}`: so rpm calls {architecture}")
    if isinstance(dist, str) and not _DIST.fullmatch(dist):
        yield Mistake(("dist",), f"should be empty or begin with a dot, as `.fc43` does, not {shown(dist)}")
    for name in ("packages", "repositories"):
        if fields.get(name) == ():
            yield Mistake((name,), "should not be empty: a build root is made from them")
    repositories = fields.get("repositories")
    found = repositories if isinstance(repositories, tuple) else ()
    names = Counter(one.name for one in found if isinstance(one, BaseRepository))
    for name in (name for name, number in names.items() if number > 1):
        yield Mistake(("repositories",), f"should not hold two of the name `{name}`")


def _check_repository(fields: Mapping[str, Any]) -> Iterator[Mistake]:
    for name in ("url", "key"):
        url = fields.get(name)
        if isinstance(url, str) and not _URL.match(url):
            yield Mistake((name,), f"should begin with https://, http://, ftp:// or file:///, not be {shown(url)}")


_CHECKS: Final[dict[type, Check]] = {Chroot: _check_chroot, BaseRepository: _check_repository}
