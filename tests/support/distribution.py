"""The mini distribution that tests build in: made once for this machine, kept in the user's cache."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "mini-distribution"


def put_mini_distribution(folder: Path) -> None:
    """Put the definition of the mini distribution's chroot in `folder`, with `repo` beside it.

    Raises:
        AssertionError: The host has not what it is made from; the message says how to get it.
    """
    done = subprocess.run([SCRIPT, folder], check=False, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
