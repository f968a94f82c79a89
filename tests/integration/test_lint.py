"""rpmlint on packages that rpmbuild made, in a real sandbox."""

import shutil
from pathlib import Path

import pytest

from builder.model.lint import Lint
from builder.runner.steps import lint as module
from builder.runner.steps.lint import lint
from tests.support.attempts import RealAttempt
from tests.support.orders import order, source_work
from tests.support.rpms import rpms


def looked_at(tmp_path: Path, *more: str) -> tuple[Lint, str]:
    """What is found in a package and its SRPM, and in files of these names with nonsense in them; and the log."""
    attempt = RealAttempt(tmp_path / "state", order(source_work()))
    folder = tmp_path / "built"
    folder.mkdir()
    for path in rpms("hello"):
        shutil.copy(path, folder)
    for name in more:
        (folder / name).write_text("no package")
    found = lint(attempt.workspace(), folder, sorted(path.name for path in folder.iterdir()))
    return found, attempt.log


@pytest.fixture
def _rpmlint() -> None:
    if shutil.which("rpmlint") is None:
        pytest.skip("there is no rpmlint")


@pytest.mark.usefixtures("_rpmlint")
def test_packages_are_looked_at(tmp_path: Path) -> None:
    """The log has all of it; that the farm has not signed them yet is no finding."""
    found, log = looked_at(tmp_path)
    assert found.note == ""
    assert found.errors + found.warnings >= len(found.first) > 0
    assert all(line in log for line in found.first)
    assert "no-signature" not in log
    assert "specfiles checked" in log


@pytest.mark.usefixtures("_rpmlint")
def test_what_is_no_package_decides_nothing(tmp_path: Path) -> None:
    """Whatever rpmlint makes of it."""
    found, _ = looked_at(tmp_path, "nonsense.rpm")
    assert found != Lint()


@pytest.mark.usefixtures("_rpmlint")
def test_it_has_so_much_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then it is killed, with all that it started."""
    monkeypatch.setattr(module, "LIMIT", 0.001)
    found, _ = looked_at(tmp_path)
    assert found.note == "rpmlint did not come to its end: it took longer than 0.001 seconds"


def test_host_without_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else happens."""
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert looked_at(tmp_path)[0] == Lint(note="this slave has no rpmlint")
