"""Finding an attempt of a job by what an address says."""

from builder.errors import NotFoundError
from builder.model.job import Attempt, Job


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
