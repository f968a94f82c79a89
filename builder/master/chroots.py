"""Chroots: the files that say what build roots are made from.

Each is called after the chroot that it defines, `fedora-43-x86_64.toml`. Of several folders the first that has a chroot
wins. A file with a mistake is left out, and the farm goes on without its chroot.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from builder.config import read_toml
from builder.errors import InvalidError
from builder.mistakes import Mistake, read
from builder.model.chroot import Chroot


class Found(NamedTuple):
    """The chroots by name, and a sentence with file and key for each mistake."""

    chroots: dict[str, Chroot]
    mistakes: tuple[str, ...]


def load(folders: Iterable[Path]) -> Found:
    """Read all files `*.toml` of these folders."""
    chroots: dict[str, Chroot] = {}
    mistakes: list[str] = []
    for folder in folders:
        for path in sorted(folder.glob("*.toml")):
            if path.stem not in chroots:
                try:
                    chroots[path.stem] = _chroot(path)
                except InvalidError as error:
                    mistakes += error.mistakes
    return Found(chroots, tuple(mistakes))


def _chroot(path: Path) -> Chroot:
    chroot, mistakes = read(read_toml(path), Chroot)
    if chroot is None:
        raise InvalidError(*(f"{path}: {Mistake(wrong.place, wrong.sentence).text}" for wrong in mistakes))
    if chroot.name != path.stem:
        raise InvalidError(f"{path}: this defines {chroot.name}; it should be called {chroot.name}.toml")
    return chroot
