"""A job: the unit that is dispatched. A build has one source job, then one per chroot."""

import enum

from builder.errors import NotFoundError
from builder.model import Value
from builder.model.attempt import Attempt

SOURCE = "source"
"""The name of a build's source job; other jobs have that of their chroot."""


class JobKind(enum.Enum):
    """The kinds of jobs.

    A source job makes the SRPM of a build and is named `source`, a chroot job builds it and has the name of its chroot.
    Jobs of the other kinds are of images: those that make one, start it, and run something in it.
    """

    SOURCE = "source"
    CHROOT = "chroot"
    IMAGE = "image"
    BOOT_TEST = "boot-test"
    RUN = "run"


class JobState(enum.Enum):
    """The state of a job; the transitions are in `builder.lifecycle`."""

    WAITING = "waiting"
    QUEUED = "queued"
    RUNNING = "running"
    PUBLISHING = "publishing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


class Job(Value, frozen=True, kw_only=True):
    """A job as it is shown, its oldest attempt first; `evr` is what it made or, when skipped, what it found."""

    build: int
    name: str
    kind: JobKind
    state: JobState
    channel: str
    architecture: str
    reason: str = ""
    evr: str | None = None
    published: tuple[str, ...] = ()
    attempts: tuple[Attempt, ...] = ()

    def attempt(self, fence: int | None = None) -> Attempt | None:
        """Return the attempt with this fence, or else the newest; None while there is none yet.

        Raises:
            NotFoundError: No attempt has this fence.
        """
        if fence is None:
            return self.attempts[-1] if self.attempts else None
        for attempt in self.attempts:
            if attempt.fence == fence:
                return attempt
        raise NotFoundError(f"{self.build}/{self.name} has no attempt {fence}")
