import pytest

from builder.errors import NotFoundError
from builder.model.attempt import Attempt, AttemptState
from builder.model.build import Build, BuildState
from builder.model.job import Job, JobKind, JobState

CHROOT = "fedora-43-x86_64"


def attempt(fence: int) -> Attempt:
    """An attempt that runs."""
    return Attempt(attempt=f"{fence:032x}", fence=fence, slave="anvil", state=AttemptState.RUNNING, started=1.0)


def job(name: str, kind: JobKind, *attempts: Attempt) -> Job:
    """A job of build 17."""
    return Job(
        build=17,
        name=name,
        kind=kind,
        state=JobState.RUNNING,
        channel="package",
        architecture="x86_64",
        attempts=attempts,
    )


BUILD = Build(
    number=17,
    project="hello",
    package="hello",
    state=BuildState.RUNNING,
    requested_by="ada",
    requested=1.0,
    jobs=(job("source", JobKind.SOURCE, attempt(1), attempt(2)), job(CHROOT, JobKind.CHROOT)),
)


def test_job() -> None:
    """A build knows its jobs by their names; an unknown name is answered with the one that was probably meant."""
    assert BUILD.job(CHROOT) is BUILD.jobs[1]
    with pytest.raises(NotFoundError) as unknown:
        BUILD.job("fedora-43-x86-64")
    assert str(unknown.value) == f"build 17 has no job `fedora-43-x86-64`; did you mean `{CHROOT}`?"
    with pytest.raises(NotFoundError) as far:
        BUILD.job("debian")
    assert str(far.value) == f"build 17 has no job `debian`; there is `{CHROOT}`, `source`"


def test_attempt() -> None:
    """A job knows its attempts by their fences, the newest without one, and that there is none yet."""
    source = BUILD.job("source")
    assert source.attempt(1) is source.attempts[0]
    assert source.attempt() is source.attempts[1]
    assert BUILD.job(CHROOT).attempt() is None
    with pytest.raises(NotFoundError) as unknown:
        source.attempt(3)
    assert str(unknown.value) == "17/source has no attempt 3"
