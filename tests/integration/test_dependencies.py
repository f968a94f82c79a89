"""What real packages provide, as rpm tells it."""

import shutil
from pathlib import Path

import msgspec
import pytest

from builder.model.dependencies import Dependencies
from builder.runner import workspace
from builder.runner.steps.dependencies import of_packages
from tests.support.attempts import RealAttempt
from tests.support.orders import order, source_work
from tests.support.rpms import rpms


def test_many_files_take_no_capability_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are asked for apart, and the log says that not all of them are known."""
    monkeypatch.setattr(workspace, "OUTPUT_LIMIT", 40)
    attempt = RealAttempt(tmp_path / "state", order(source_work()))
    built = next(path for path in rpms("hello", paths=("/usr/bin/hello",)) if not path.match("*.src.rpm"))
    shutil.copy(built, tmp_path)
    found = of_packages(attempt.workspace(), tmp_path, [built.name])
    assert msgspec.json.decode(found.read_bytes(), type=Dependencies).provides == ("/usr/bin/hello", "hello")
    assert "the packages have so many files that the order of builds knows the first 1 alone" in attempt.log
