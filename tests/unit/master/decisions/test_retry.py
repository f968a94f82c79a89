"""What becomes of a job when an attempt at it has ended."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.lifecycle import ATTEMPT_ENDS, JOB_TRANSITIONS
from builder.master.decisions.retry import Next, Retry
from builder.model.attempt import AttemptState
from builder.model.job import JobState


def after(end: AttemptState, broken: int = 0, *, publishes: bool = True) -> Next:
    """What follows, for a reason that is `why`, where three tries are allowed."""
    return Retry(tries=3).after(end, "why", broken=broken, publishes=publishes)


@pytest.mark.parametrize(
    ("end", "state"),
    [
        (AttemptState.FAILED, JobState.FAILED),
        (AttemptState.TIMED_OUT, JobState.FAILED),
        (AttemptState.SKIPPED, JobState.SKIPPED),
        (AttemptState.CANCELLED, JobState.CANCELLED),
        (AttemptState.SUPERSEDED, JobState.QUEUED),
    ],
)
def test_the_reason_goes_with_the_end(end: AttemptState, state: JobState) -> None:
    """The job's state follows from the attempt's end, and the attempt's reason becomes the job's."""
    assert after(end) == Next(state=state, reason="why")


def test_a_success_is_published_if_there_is_something_to_publish() -> None:
    """A chroot job goes on to publishing; a source job is done."""
    assert after(AttemptState.SUCCEEDED) == Next(state=JobState.PUBLISHING)
    assert after(AttemptState.SUCCEEDED, publishes=False) == Next(state=JobState.SUCCEEDED)


def test_what_the_farm_broke_is_tried_again_until_the_limit() -> None:
    """Two broken attempts of three are tried again; the third fails the job, and says how often it was tried."""
    assert after(AttemptState.BROKEN, 1) == Next(state=JobState.QUEUED, reason="why; it is tried again")
    assert after(AttemptState.BROKEN, 2).state is JobState.QUEUED
    assert after(AttemptState.BROKEN, 3) == Next(state=JobState.FAILED, reason="why; given up after 3 tries")


@given(st.sampled_from(AttemptState), st.text(), st.integers(1, 20), st.integers(1, 10), st.booleans())
def test_every_end_leads_somewhere(end: AttemptState, reason: str, broken: int, tries: int, publishes: bool) -> None:
    """Every end of an attempt gives a state that a running job may come to; what is no end is refused."""
    if end not in ATTEMPT_ENDS:
        with pytest.raises(ValueError, match="has not ended"):
            Retry(tries=tries).after(end, reason, broken=broken, publishes=publishes)
        return
    then = Retry(tries=tries).after(end, reason, broken=broken, publishes=publishes)
    assert then.state in JOB_TRANSITIONS[JobState.RUNNING]
    assert reason in then.reason or end is AttemptState.SUCCEEDED
