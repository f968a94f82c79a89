"""A short form of scripts/prove-mutations."""

import subprocess
import sys


def test_mutated_rpms_harm_nothing() -> None:
    """None is published with other content than its digest says, and the process lives to publish a true one."""
    command = [sys.executable, "-m", "tests.support.mutations", "--mutations", "60", "--seconds", "25"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "none is published with other content" in done.stdout
