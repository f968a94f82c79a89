"""The retry: the next state of a job when an attempt at it has ended. A pure decision."""

from builder.model import Value
from builder.model.attempt import AttemptState
from builder.model.job import JobState

_AFTER = {
    AttemptState.FAILED: JobState.FAILED,
    AttemptState.TIMED_OUT: JobState.FAILED,
    AttemptState.SKIPPED: JobState.SKIPPED,
    AttemptState.CANCELLED: JobState.CANCELLED,
    AttemptState.SUPERSEDED: JobState.QUEUED,
}


class Next(Value, frozen=True, kw_only=True):
    """The state that the job comes to, and the reason in one line."""

    state: JobState
    reason: str = ""


class Retry(Value, frozen=True, kw_only=True):
    """The farm's rule for jobs: one is given up after `tries` attempts that the farm itself has broken."""

    tries: int

    def after(self, end: AttemptState, reason: str, *, broken: int, publishes: bool) -> Next:
        """Return the job's next state; only a job that the farm broke is tried again, or one that was never tried.

        Args:
            end: The attempt's end.
            reason: The reason, in one line.
            broken: The number of attempts of the job that the farm has broken, this one included.
            publishes: True if what a success delivers has to be published.

        Raises:
            ValueError: `end` is no end.
        """
        if end is AttemptState.SUCCEEDED:
            return Next(state=JobState.PUBLISHING if publishes else JobState.SUCCEEDED)
        if end is AttemptState.BROKEN:
            return self._after_break(reason, broken)
        if end not in _AFTER:
            raise ValueError(f"an attempt that is {end.value} has not ended")
        return Next(state=_AFTER[end], reason=reason)

    def _after_break(self, reason: str, broken: int) -> Next:
        if broken < self.tries:
            return Next(state=JobState.QUEUED, reason=f"{reason}; it is tried again")
        return Next(state=JobState.FAILED, reason=f"{reason}; given up after {broken} tries")
