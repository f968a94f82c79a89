"""Where a person's files are."""

import os
from pathlib import Path

import pytest

from builder.cli import folders
from builder.cli.exits import UsageError


def test_the_variable_goes_before_the_default() -> None:
    """Without the variable, or with an empty one, it is the default."""
    assert folders.of_person("XDG_STATE_HOME", "/default", {"XDG_STATE_HOME": "/given"}) == Path("/given/builder")
    assert folders.of_person("XDG_STATE_HOME", "/default", {"XDG_STATE_HOME": ""}) == Path("/default/builder")


def test_who_has_no_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container's user is in no list of users."""
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 2**32 - 2)
    with pytest.raises(UsageError, match="you have no home folder: set HOME, or XDG_STATE_HOME"):
        folders.of_person("XDG_STATE_HOME", "~/.local/state", {})
