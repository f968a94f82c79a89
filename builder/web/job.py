"""Finding a job of a build, and an attempt of it, by what an address says."""

from builder.errors import NotFoundError
from builder.model.build import Build
from builder.model.job import Attempt, Job


def job_of(build: Build, name: str) -> Job:
    """The job called `name`; `NotFoundError` says which there are."""
    for job in build.jobs:
        if job.name == name:
            return job
    names = ", ".join(job.name for job in build.jobs)
    raise NotFoundError(f"build {build.number} has no job {name}; it has {names}")


def attempt_of(job: Job, fence: int | None) -> Attempt | None:
    """The attempt with this fence, or else the newest; None while there is none yet.

    Raises:
        NotFoundError: There is no attempt with this fence.
    """
    if fence is None:
        return max(job.attempts, key=lambda attempt: attempt.fence, default=None)
    for attempt in job.attempts:
        if attempt.fence == fence:
            return attempt
    raise NotFoundError(f"{job.build}/{job.name} has no attempt {fence}")
