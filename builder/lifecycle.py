"""The states of jobs, attempts and builds and how they follow on each other.

This table is the one place that says so: the code, the SQL guards and `docs/states.md` read it. To change it, add the
transition here with the event that causes it; a test walks every state with every other one.
"""

from collections.abc import Iterable

from builder.model.attempt import AttemptState
from builder.model.build import BuildState
from builder.model.job import JobState

_J = JobState
_A = AttemptState

JOB_TRANSITIONS: dict[JobState, frozenset[JobState]] = {
    _J.WAITING: frozenset({_J.QUEUED, _J.SKIPPED, _J.CANCELLED, _J.FAILED}),
    _J.QUEUED: frozenset({_J.RUNNING, _J.CANCELLED, _J.FAILED}),
    _J.RUNNING: frozenset({_J.QUEUED, _J.PUBLISHING, _J.SUCCEEDED, _J.FAILED, _J.SKIPPED, _J.CANCELLED}),
    _J.PUBLISHING: frozenset({_J.SUCCEEDED, _J.FAILED}),
    _J.SUCCEEDED: frozenset(),
    _J.FAILED: frozenset(),
    _J.SKIPPED: frozenset(),
    _J.CANCELLED: frozenset(),
}

JOB_ENDS = frozenset(state for state, then in JOB_TRANSITIONS.items() if not then)
"""The states that a job does not leave."""

ATTEMPT_ENDS = frozenset(AttemptState) - {_A.RUNNING, _A.CANCELLING}

ATTEMPT_TRANSITIONS: dict[AttemptState, frozenset[AttemptState]] = {
    _A.RUNNING: ATTEMPT_ENDS | {_A.CANCELLING},
    _A.CANCELLING: frozenset({_A.CANCELLED, _A.SUPERSEDED, _A.BROKEN}),
    **{end: frozenset() for end in ATTEMPT_ENDS},
}

REPORTED_ENDS = frozenset({_A.SUCCEEDED, _A.FAILED, _A.BROKEN, _A.TIMED_OUT, _A.CANCELLED, _A.SKIPPED})
"""The ends that a slave may report; the others are the master's own verdicts."""


def sources_of(state: JobState) -> frozenset[JobState]:
    """Return the states from which a job may come to `state`."""
    return frozenset(before for before, after in JOB_TRANSITIONS.items() if state in after)


def build_state(jobs: Iterable[JobState]) -> BuildState:
    """Return the state of a build with these jobs: unfinished while one is, then the worst; skipped is a success."""
    states = frozenset(jobs)
    if states <= {JobState.QUEUED, JobState.WAITING}:
        return BuildState.QUEUED
    if not states <= JOB_ENDS:
        return BuildState.RUNNING
    if JobState.FAILED in states:
        return BuildState.FAILED
    if JobState.CANCELLED in states:
        return BuildState.CANCELLED
    return BuildState.SUCCEEDED
