"""A short form of scripts/prove-publish, in a process of its own."""

import subprocess
import sys


def test_no_client_sees_a_generation_come() -> None:
    """Clients install by mirrorlist and by baseurl while others become current: no error, and several during one."""
    command = [
        sys.executable,
        "-m",
        "tests.support.generations",
        "--generations",
        "20",
        "--cycles",
        "3",
        "--clients",
        "1",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" 0 errors") == 2
