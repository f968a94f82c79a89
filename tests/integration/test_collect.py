"""What a build delivers, looked at by real rpm in a real sandbox."""

from pathlib import Path

import pytest

from builder.attempt.endings import EndedError
from builder.model.attempt import AttemptState, FailureKind, Outcome
from builder.runner.steps import collect as module
from builder.runner.steps.collect import collect
from tests.support.attempts import RealAttempt
from tests.support.orders import ATTEMPT, order, source_work


def refused(tmp_path: Path, *names: str) -> Outcome:
    """How an attempt ends that made files of these names, with nothing in them that rpm knows."""
    workspace = RealAttempt(tmp_path / "state", order(source_work())).workspace()
    products = [workspace.work / name for name in names]
    for path in products:
        path.write_text("no package")
    with pytest.raises(EndedError) as caught:
        collect(workspace, ATTEMPT, products, {})
    return caught.value.outcome


def test_what_is_no_package_is_the_packages_fault(tmp_path: Path) -> None:
    """No other slave would make a package of it."""
    outcome = refused(tmp_path, "a.rpm")
    assert (outcome.state, outcome.kind) == (AttemptState.FAILED, FailureKind.COMPILE)
    assert outcome.reason.startswith("the build made what is no package: ")


def test_a_name_that_is_none_is_told(tmp_path: Path) -> None:
    """It would have to be a name everywhere that it goes."""
    outcome = refused(tmp_path, "-a b.rpm")
    assert outcome.reason == "the build made '-a b.rpm', which is not a package's file"


def test_more_than_a_listing_holds_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listing that nobody can read would never arrive."""
    monkeypatch.setattr(module, "_MOST", 1)
    outcome = refused(tmp_path, "a.rpm", "b.rpm")
    assert outcome.reason == "the build made 2 files, of which 1 may be delivered"
