"""The limits of an attempt in time: as a whole, in a step, and without a word in its log. Time and log are numbers.

All times are seconds of one clock that never goes back; the runner's is the monotonic one.
"""

from collections.abc import Callable
from typing import Final

from builder.model.step import StepName
from builder.model.work import WorkOrder

LOOKS: Final = 20
"""Number of looks at the log within the time of silence: its end is found one look later at most."""


class Limits:
    """The limits of the attempt of `order`, which begins at `now`; `log_length` returns the length of its log."""

    def __init__(self, order: WorkOrder, log_length: Callable[[], int], now: float) -> None:
        self._order = order
        self._log_length = log_length
        self._said = log_length()
        self._heard = now
        self._end = now + order.timeout
        self._step: tuple[StepName, int, float] | None = None
        self._paused: float | None = None

    def begin_step(self, step: StepName, now: float) -> None:
        """Begin a step, and end the one before."""
        seconds = self._order.timeouts.of(step)
        self._step = None if seconds is None else (step, seconds, now + seconds)

    def end_step(self) -> None:
        """End the step; the time that follows belongs to none."""
        self._step = None

    def pause(self, now: float) -> None:
        """Count, until `resume`, only the time of the whole attempt, since it waits for another one."""
        self._paused = now

    def resume(self, now: float) -> None:
        """Continue the step where it was, and begin the time of silence anew."""
        if self._paused is not None:
            if self._step:
                step, seconds, end = self._step
                self._step = (step, seconds, end + now - self._paused)
            self._heard = now
            self._paused = None  # last: a signal may come in between

    def overdue(self, now: float) -> str | None:
        """Return the limit that is over, as a sentence, or None if none is."""
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
        """Return the seconds after `now` until the next look: when a limit may be over, or the log has grown."""
        if self._paused is not None:
            return self._end - now
        ends = [self._end, self._heard + self._order.silence, *([self._step[2]] if self._step else [])]
        return min(min(ends) - now, self._order.silence / LOOKS)


def lasting(seconds: int) -> str:
    """Return a limit as people read it: `45 s`, `1 min 30 s`, `30 min`, `1 h 0 min`."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours} h {minutes} min" if hours else f"{minutes} min" if minutes else "", f"{rest} s" if rest else ""]
    return " ".join(filter(None, parts))
