import runpy
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.lifecycle import (
    ATTEMPT_ENDS,
    ATTEMPT_TRANSITIONS,
    JOB_ENDS,
    JOB_TRANSITIONS,
    REPORTED_ENDS,
    build_state,
    sources_of,
)
from builder.model.attempt import AttemptState
from builder.model.build import BuildState
from builder.model.job import JobState

ROOT = Path(__file__).parents[2]
states = st.lists(st.sampled_from(JobState), min_size=1, max_size=6)
ends = st.lists(st.sampled_from(sorted(JOB_ENDS, key=lambda state: state.value)), min_size=1, max_size=6)


@pytest.mark.parametrize("before", JobState)
@pytest.mark.parametrize("after", JobState)
def test_both_directions_of_the_table_agree(before: JobState, after: JobState) -> None:
    """A job may go from one state to another exactly when the other one lists the first as a source."""
    assert (after in JOB_TRANSITIONS[before]) == (before in sources_of(after))


@pytest.mark.parametrize("state", JobState)
def test_no_job_stays_for_ever(state: JobState) -> None:
    """From every state a job can come to an end, and from none can it come back to waiting."""
    seen, front = {state}, {state}
    while front:
        front = {after for before in front for after in JOB_TRANSITIONS[before]} - seen
        seen |= front
    assert seen & JOB_ENDS
    assert JobState.WAITING not in seen - {state}


@pytest.mark.parametrize("state", JobState)
def test_whatever_is_not_published_can_be_cancelled(state: JobState) -> None:
    """A job can be cancelled until it is being published."""
    ended_or_publishing = state in JOB_ENDS | {JobState.PUBLISHING}
    assert (JobState.CANCELLED in JOB_TRANSITIONS[state]) != ended_or_publishing


@pytest.mark.parametrize("before", AttemptState)
@pytest.mark.parametrize("after", AttemptState)
def test_an_attempt_never_goes_back(before: AttemptState, after: AttemptState) -> None:
    """Running, perhaps cancelling, then one end: no attempt returns to a state, or leaves an end."""
    order = {AttemptState.RUNNING: 0, AttemptState.CANCELLING: 1}
    if after in ATTEMPT_TRANSITIONS[before]:
        assert order.get(before, 2) < order.get(after, 2)


def test_a_running_attempt_may_end_in_any_way() -> None:
    """Whatever a slave reports, or the master decides, a running attempt can take."""
    assert ATTEMPT_TRANSITIONS[AttemptState.RUNNING] >= ATTEMPT_ENDS


def test_a_slave_cannot_report_the_masters_verdict() -> None:
    """Superseded is said by the master alone; all other ends may be reported."""
    assert REPORTED_ENDS | {AttemptState.SUPERSEDED} == ATTEMPT_ENDS


@given(states, st.randoms())
def test_a_builds_state_ignores_order_and_repetition(jobs: list[JobState], random: Random) -> None:
    """Only which states there are matters."""
    shuffled = jobs * 2
    random.shuffle(shuffled)
    assert build_state(shuffled) is build_state(jobs)


@given(states)
def test_a_build_has_ended_exactly_when_its_jobs_have(jobs: list[JobState]) -> None:
    """No build is called finished while one of its jobs can move, and none is kept open when none can."""
    ended = build_state(jobs) not in {BuildState.QUEUED, BuildState.RUNNING}
    assert ended == (set(jobs) <= JOB_ENDS)


@given(ends)
def test_the_worst_job_decides(jobs: list[JobState]) -> None:
    """A failed job makes a failed build; else a cancelled one a cancelled build; skipped jobs are successes."""
    wanted = BuildState.SUCCEEDED
    if JobState.CANCELLED in jobs:
        wanted = BuildState.CANCELLED
    if JobState.FAILED in jobs:
        wanted = BuildState.FAILED
    assert build_state(jobs) is wanted


@given(st.lists(st.sampled_from([JobState.WAITING, JobState.QUEUED]), min_size=1))
def test_a_build_is_queued_until_a_job_begins(jobs: list[JobState]) -> None:
    """While all jobs wait, the build does."""
    assert build_state(jobs) is BuildState.QUEUED
    assert build_state([*jobs, JobState.RUNNING]) is BuildState.RUNNING


def test_the_page_about_states_is_current() -> None:
    """docs/states.md says what the table says; if this fails, run `python scripts/states.py`."""
    written = runpy.run_path(str(ROOT / "scripts" / "states.py"))["page"]()
    assert (ROOT / "docs" / "states.md").read_text() == written
