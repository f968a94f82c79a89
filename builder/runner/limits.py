"""How long an attempt may take: as a whole, in a step, and without a word in its log. Time and log come as numbers.

All times are seconds of one clock that never goes back; the runner's is the monotonic one.
"""

from collections.abc import Callable
from typing import Final

from builder.model.step import StepName
from builder.model.work import WorkOrder

LOOKS: Final = 20
"""How often within the time of silence the log is looked at: it is found out so much later at most."""


class Limits:
    """The limits of the attempt of `order`, which begins at `now`; `log_length` tells how much it has said."""

    def __init__(self, order: WorkOrder, log_length: Callable[[], int], now: float) -> None:
        self._order = order
        self._log_length = log_length
        self._said = log_length()
        self._heard = now
        self._end = now + order.timeout
        self._step: tuple[StepName, int, float] | None = None
        self._paused: float | None = None

    def begin_step(self, step: StepName, now: float) -> None:
        """A step begins, and ends the one before."""
        seconds = self._order.timeouts.of(step)
        self._step = None if seconds is None else (step, seconds, now + seconds)

    def end_step(self) -> None:
        """What comes now belongs to no step."""
        self._step = None

    def pause(self, now: float) -> None:
        """Until `resume`, only the time of the whole attempt counts: it waits for another one."""
        self._paused = now

    def resume(self, now: float) -> None:
        """The step goes on where it was, and silence begins anew."""
        if self._paused is not None:
            if self._step:
                step, seconds, end = self._step
                self._step = (step, seconds, end + now - self._paused)
            self._heard = now
            self._paused = None  # last: a signal may come in between

    def overdue(self, now: float) -> str | None:
        """Which limit is over, as a sentence, if one is."""
        said = self._log_length()
        if said != self._said:
            self._said, self._heard = said, now
        if now >= self._end:
            return f"it took longer than {lasting(self._order.timeout)}"
        if self._paused is not None:
            return None
        if self._step and now >= self._step[2]:
            step, seconds, _ = self._step
            return f"the step {step.value} took longer than {lasting(seconds)}"
        if now >= self._heard + self._order.silence:
            return f"nothing was written to the log for {lasting(self._order.silence)}"
        return None

    def wait(self, now: float) -> float:
        """How many seconds after `now` one should look again: when something may be over, or the log has grown."""
        if self._paused is not None:
            return self._end - now
        ends = [self._end, self._heard + self._order.silence, *([self._step[2]] if self._step else [])]
        return min(min(ends) - now, self._order.silence / LOOKS)


def lasting(seconds: int) -> str:
    """A limit as people read it: `45 s`, `1 min 30 s`, `30 min`, `1 h 0 min`."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours} h {minutes} min" if hours else f"{minutes} min" if minutes else "", f"{rest} s" if rest else ""]
    return " ".join(filter(None, parts))
