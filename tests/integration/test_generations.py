"""A short form of scripts/prove-publish, in a process of its own."""

import subprocess
import sys


def test_no_client_sees_a_generation_come() -> None:
    """dnf and zypper install by mirrorlist and by baseurl while others become current: no error, several each time."""
    short = ("--generations", "15", "--cycles", "2", "--clients", "1")
    command = [sys.executable, "-m", "tests.support.generations", *short]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" 0 errors\n") == 4
