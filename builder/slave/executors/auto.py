"""Choosing the executor: the first that this host has everything for."""

from collections.abc import Iterable

from builder.errors import UnavailableError
from builder.process import Interrupts
from builder.slave.executors.chroot import ChrootExecutor
from builder.slave.executors.executor import Executor


def executors() -> tuple[Executor, ...]:
    """All there are, the better ones first."""
    return (ChrootExecutor(),)


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
