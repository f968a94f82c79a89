"""Programs that run beside the system, where `scripts/bootstrap --test` has unpacked them, or those of the system."""

import os
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.distribution import ROOT

_FOLDER = ROOT / ".unpacked"
_POSTGRESQL = "usr/lib/postgresql/*/bin"
"""Where Debian keeps PostgreSQL's server, whose versions may be there side by side."""


class Program(NamedTuple):
    """A program's file, and what its environment has to have for it to find its libraries and tools."""

    file: str
    environment: dict[str, str]


def program(name: str) -> Program:
    """One that is unpacked, or else the system's; a host that has none, which is no Debian, skips the test."""
    root = _FOLDER / name
    places = [root / "usr/sbin", root / "usr/bin", *root.glob(_POSTGRESQL)]
    found = shutil.which(name, path=os.pathsep.join(map(str, places)))
    if found is None:
        path = os.pathsep.join([os.environ["PATH"], "/usr/sbin", *map(str, Path("/").glob(_POSTGRESQL))])
        system = shutil.which(name, path=path) or pytest.skip(f"this host has no {name}")
        return Program(system, {})
    libraries = os.pathsep.join(str(path) for path in root.glob("usr/lib/*-linux-gnu*"))
    path = os.pathsep.join([*map(str, places), os.environ["PATH"]])
    return Program(found, {"LD_LIBRARY_PATH": libraries, "PATH": path})
