"""The master's state folder."""

import os
from pathlib import Path

import pytest

from builder.errors import ConflictError, UnavailableError
from builder.master.premises import Premises
from builder.state import StateFolder

FOLDERS = {"incoming", "logs", "pool", "repos"}


def test_the_folders_are_made(tmp_path: Path) -> None:
    """A folder that is not there yet is made with all that the farm keeps in it, and can be entered again."""
    for _ in range(2):
        premises = Premises(StateFolder(tmp_path / "deep" / "state"))
        premises.enter()
        assert {path.name for path in (tmp_path / "deep" / "state").iterdir()} == {*FOLDERS, "master.lock"}
        premises.leave()


def test_there_is_one_master(tmp_path: Path) -> None:
    """A second one is told which process is in the way, and may enter when that has left."""
    first, second = Premises(StateFolder(tmp_path)), Premises(StateFolder(tmp_path))
    first.enter()
    with pytest.raises(ConflictError, match=rf"another master \(process {os.getpid()}\) works in {tmp_path}"):
        second.enter()
    first.leave()
    second.enter()
    second.leave()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """It is one sentence that names it."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UnavailableError, match="cannot be used"):
        Premises(StateFolder(tmp_path / "file" / "state")).enter()
