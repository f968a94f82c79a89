"""A job that nobody would take says so."""

import pytest

from builder.master.decisions.assignment import Offer
from builder.master.decisions.waiting import explained
from builder.model.build import Build, BuildState
from builder.model.job import Job, JobKind, JobState


def slave(*, channel: str = "package", architecture: str = "x86_64") -> Offer:
    """A slave with one channel and one architecture."""
    return Offer(slave="slave1", channels=frozenset({channel}), architectures=frozenset({architecture}), free=1)


def told(slaves: list[Offer], architecture: str = "x86_64", state: JobState = JobState.QUEUED) -> str:
    """The reason of a job of the channel `package`, which was `tried again` before."""
    job = Job(
        build=1,
        name="j",
        kind=JobKind.CHROOT,
        state=state,
        channel="package",
        architecture=architecture,
        reason="tried again",
    )
    build = Build(
        number=1, project="p", package="x", state=BuildState.QUEUED, requested_by="ada", requested=0.0, jobs=(job,)
    )
    return explained(build, slaves).jobs[0].reason


@pytest.mark.parametrize(
    ("slaves", "reason"),
    [
        ([], "waits: no slave is connected"),
        ([slave(channel="image")], "waits: no connected slave takes the channel package"),
        ([slave(architecture="aarch64")], "waits: no connected slave builds x86_64 for the channel package"),
        (
            [slave(architecture="aarch64"), slave(channel="image")],
            "waits: no connected slave builds x86_64 for the channel package",
        ),
    ],
)
def test_what_is_missing_is_named(slaves: list[Offer], reason: str) -> None:
    """No slave at all, none for the channel, or none of those for the architecture."""
    assert told(slaves) == reason


def test_whose_turn_will_come_says_what_it_said() -> None:
    """A slave that would take it is enough, be it busy; any architecture does for a job that needs none."""
    assert told([slave()]) == "tried again"
    assert told([slave(architecture="aarch64")], architecture="noarch") == "tried again"


def test_only_queued_jobs_wait_for_slaves() -> None:
    """Running, finished and waiting jobs have reasons of their own."""
    for state in set(JobState) - {JobState.QUEUED}:
        assert told([], state=state) == "tried again"
