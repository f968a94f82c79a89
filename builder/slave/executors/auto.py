"""Choosing the executor: the first that this host has everything for."""

import os
from collections.abc import Iterable

from builder.errors import UnavailableError
from builder.process import Interrupts
from builder.slave.executors.chroot import ChrootExecutor
from builder.slave.executors.executor import Executor
from builder.slave.executors.mock import MockExecutor

CHOSEN = "BUILDER_EXECUTOR"
"""The variable by which a slave tells its runners what it has chosen when it started, since to look takes time."""


def executors() -> tuple[Executor, ...]:
    """All there are, the better ones first."""
    return (MockExecutor(), ChrootExecutor())


def chosen(interrupts: Interrupts) -> Executor:
    """The one that was chosen before, or is now.

    Raises:
        UnavailableError: There is none.
    """
    name = os.environ.get(CHOSEN)
    return next((one for one in executors() if one.name == name), None) or choose(executors(), interrupts)


def choose(among: Iterable[Executor], interrupts: Interrupts) -> Executor:
    """The first that misses nothing.

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
