"""A short form of scripts/prove-runner-kills, in a process of its own: it adopts every orphan of its children."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.farm


def test_killed_runners_leave_nothing() -> None:
    """With a slave that sees it and with one that has to find out: no process, mount, lock or folder is left."""
    command = [sys.executable, "-m", "tests.support.kills", "--kills", "4"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing is left" in done.stdout
