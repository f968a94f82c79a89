"""Finding an attempt of a job by what an address says, and whether its log is still there."""

from builder.errors import NotFoundError
from builder.lifecycle import ATTEMPT_ENDS
from builder.master.logs import Logs
from builder.model.attempt import Attempt
from builder.model.job import Job


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


def removed(attempt: Attempt | None, build: int, logs: Logs) -> bool:
    """Whether the log of an attempt was there and has been removed since, with all of its build."""
    return attempt is not None and attempt.state in ATTEMPT_ENDS and bool(attempt.steps) and logs.removed(build)
