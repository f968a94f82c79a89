"""The executors that the contract suite runs with: each as the variables by which a runner is told of it."""

import grp
import os
import shutil
import sys
from pathlib import Path

import pytest

from builder.attempt.variables import EXECUTOR, MOCK

REPLAY = Path(__file__).with_name("replay_mock.py")


def variables(kind: str, folder: Path) -> dict[str, str]:
    """For `chroot`, `mock`, or a `replay` of it; skips where there is none. `folder` is for everybody."""
    if kind == "chroot":
        return {EXECUTOR: "chroot"}
    program = _replay(folder) if kind == "replay" else os.environ.get(MOCK) or shutil.which("mock")
    if program is None:
        pytest.skip(f"there is no mock: neither {MOCK} nor PATH leads to one")
    if os.geteuid():
        pytest.skip("mock needs root")
    if "mock" not in {group.gr_name for group in grp.getgrall()}:
        pytest.skip("there is no group named mock")
    return {EXECUTOR: "mock", MOCK: str(program)}


def _replay(folder: Path) -> Path:
    program = folder / "replay-mock"
    if not program.exists():
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -I {REPLAY} "$@"\n')
        program.chmod(0o755)
    return program
