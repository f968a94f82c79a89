"""The choice of the executor: the first that this host has everything for."""

import os
from collections.abc import Iterable
from pathlib import Path

from builder.attempt.variables import EXECUTOR, MOCK
from builder.config import ExecutorName
from builder.errors import UnavailableError
from builder.process import Interrupts
from builder.runner.executors.chroot import ChrootExecutor
from builder.runner.executors.executor import Executor
from builder.runner.executors.mock import MockExecutor


def executors(wanted: ExecutorName = ExecutorName.AUTO, mock: Path | None = None) -> tuple[Executor, ...]:
    """Return the executors that are wanted, the better ones first; `mock` is the program, if not the one in PATH."""
    there: tuple[Executor, ...] = (MockExecutor(mock), ChrootExecutor())
    return tuple(one for one in there if wanted is ExecutorName.AUTO or one.name == wanted.value)


def variables(name: str, mock: Path | None) -> dict[str, str]:
    """Return the variables that tell a runner its executor; they name none if `name` says why there is none."""
    known = {one.name for one in executors()}
    return {**({EXECUTOR: name} if name in known else {}), **({MOCK: str(mock)} if mock else {})}


def chosen(interrupts: Interrupts) -> Executor:
    """Return the executor that was chosen before, or choose one now.

    Raises:
        UnavailableError: There is none.
    """
    name = os.environ.get(EXECUTOR)
    return next((one for one in executors() if one.name == name), None) or choose(executors(), interrupts)


def choose(among: Iterable[Executor], interrupts: Interrupts) -> Executor:
    """Return the first executor that misses nothing.

    Raises:
        UnavailableError: There is none; the sentence says what each of them misses.
    """
    reasons = []
    for executor in among:
        reason = executor.missing(interrupts)
        if reason is None:
            return executor
        reasons.append(f"{executor.name}: {reason}")
    raise UnavailableError(f"this host cannot build in chroots: {'; '.join(reasons)}")
