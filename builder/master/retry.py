"""What becomes of a job when an attempt at it has ended. A pure decision."""

from builder.model import Value
from builder.model.attempt import AttemptState
from builder.model.job import JobState


class Next(Value, frozen=True, kw_only=True):
    """The state that the job comes to, and why in one line."""

    state: JobState
    reason: str = ""


def next_state(end: AttemptState, reason: str, *, broken: int, tries: int, publishes: bool) -> Next:
    """The job's next state; only what the farm itself broke is tried again, or was never tried.

    Args:
        end: How the attempt ended.
        reason: Why, in one line.
        broken: How many attempts of the job the farm has broken, this one included.
        tries: After how many of them the job is given up.
        publishes: Whether what a success delivers has to be published.

    Raises:
        ValueError: `end` is no end.
    """
    match end:
        case AttemptState.SUCCEEDED:
            then = Next(state=JobState.PUBLISHING if publishes else JobState.SUCCEEDED)
        case AttemptState.FAILED | AttemptState.TIMED_OUT:
            then = Next(state=JobState.FAILED, reason=reason)
        case AttemptState.SKIPPED:
            then = Next(state=JobState.SKIPPED, reason=reason)
        case AttemptState.CANCELLED:
            then = Next(state=JobState.CANCELLED, reason=reason)
        case AttemptState.SUPERSEDED:
            then = Next(state=JobState.QUEUED, reason=reason)
        case AttemptState.BROKEN:
            then = _after_break(reason, broken, tries)
        case AttemptState.RUNNING | AttemptState.CANCELLING:
            raise ValueError(f"an attempt that is {end.value} has not ended")
    return then


def _after_break(reason: str, broken: int, tries: int) -> Next:
    if broken < tries:
        return Next(state=JobState.QUEUED, reason=f"{reason}; it is tried again")
    return Next(state=JobState.FAILED, reason=f"{reason}; given up after {broken} tries")
