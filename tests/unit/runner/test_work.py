import os
import sys
from pathlib import Path

import pytest

from builder.attempt.folder import AttemptFolder
from builder.model.attempt import AttemptState
from builder.slave.journal import Journal
from builder.state import SlaveFolder
from tests.support.orders import order, source_work

SIGNALLED_WHILE_IT_TELLS = """
import os, signal, sys, traceback
from builder.attempt.records import Records
from builder.runner.work import work
traceback.print_exc = lambda: os.kill(os.getpid(), signal.SIGTERM)
work(sys.argv[1], Records(sys.argv[1]))
"""
SIGNALLED_WHILE_IT_CLEARS_UP = """
import os, signal, sys
from builder.runner import work
from builder.attempt.records import Records
work._left_by = lambda _: os.kill(os.getpid(), signal.SIGTERM) or ()
work.clear_up(sys.argv[1], Records(sys.argv[1]))
"""


@pytest.fixture
def folder(tmp_path: Path) -> AttemptFolder:
    return Journal(SlaveFolder(tmp_path)).record(order(source_work()))


def run(script: str, folder: AttemptFolder) -> None:
    """Run it to its end in a process of its own, which gets signals."""
    child = os.posix_spawn(sys.executable, [sys.executable, "-c", script, str(folder.path)], os.environ)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def test_a_cancel_while_a_failure_is_told_is_the_end(folder: AttemptFolder) -> None:
    """A runner that fails, and is told to stop while it logs that, writes a result nevertheless."""
    (folder.path / "order.json").write_text("{}")
    run(SIGNALLED_WHILE_IT_TELLS, folder)
    outcome = folder.outcome()
    assert outcome
    assert outcome.state is AttemptState.CANCELLED


def test_a_runner_that_clears_up_is_not_stopped(folder: AttemptFolder) -> None:
    """A cancel that is repeated does not leave what a dead runner has left."""
    run(SIGNALLED_WHILE_IT_CLEARS_UP, folder)
    outcome = folder.outcome()
    assert outcome
    assert outcome.state is AttemptState.BROKEN
