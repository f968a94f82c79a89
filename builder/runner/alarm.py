"""The alarm: it interrupts a runner when a limit of its attempt is over.

The kernel's timer (setitimer(2)), which counts as the monotonic clock does, wakes the program up wherever it waits.
Only then are the time and the log looked at: a signal that comes late, or once too often, does nothing wrong.
"""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from builder.attempt.endings import timed_out
from builder.model.step import StepName
from builder.model.work import WorkOrder
from builder.process import Interrupts
from builder.runner.limits import Limits

_SOONEST: Final = 0.001
"""Seconds of the shortest timer: no time at all would turn it off."""


class Alarm:
    """An alarm that ends what `interrupts` can interrupt; it does nothing before it is `set`."""

    def __init__(self, interrupts: Interrupts) -> None:
        self._interrupts = interrupts
        self._limits: Limits | None = None

    def set(self, order: WorkOrder, log_length: Callable[[], int]) -> None:
        """Apply the limits of `order` from now on."""
        self._limits = limits = Limits(order, log_length, time.monotonic())
        signal.signal(signal.SIGALRM, lambda *_: self._look(limits))
        self._look(limits)

    @contextmanager
    def step(self, step: StepName) -> Iterator[None]:
        """Give the block the limit of this step."""
        if self._limits is None:
            yield
            return
        self._limits.begin_step(step, time.monotonic())
        self._look(self._limits)
        try:
            yield
        finally:
            self._limits.end_step()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Count the block, which waits for another attempt, for the limit of the whole alone."""
        if self._limits is None:
            yield
            return
        self._limits.pause(time.monotonic())
        try:
            yield
        finally:
            self._limits.resume(time.monotonic())
            self._look(self._limits)

    def _look(self, limits: Limits) -> None:
        now = time.monotonic()
        reason = limits.overdue(now)
        if reason is not None:
            self._interrupts.interrupt(timed_out(reason))
        else:
            signal.setitimer(signal.ITIMER_REAL, max(_SOONEST, limits.wait(now)))
