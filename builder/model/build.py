"""A build: one request to build one package, numbered across the farm."""

import enum
from typing import Annotated

import msgspec

from builder.errors import NotFoundError
from builder.mistakes import guess
from builder.model import Label, Value
from builder.model.attempt import Commit
from builder.model.chroot import ChrootName
from builder.model.job import Job


class BuildState(enum.Enum):
    """The state of a build, which follows from its jobs' states; see `builder.lifecycle.build_state`."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class BuildRequest(Value, frozen=True, kw_only=True):
    """The request of a person; `project` may be left out where the package's name is unique in the farm."""

    package: Label
    project: Label | None = None
    chroots: Annotated[tuple[ChrootName, ...], msgspec.Meta(max_length=50)] = ()
    force: bool = False


class Build(Value, frozen=True, kw_only=True):
    """A build as it is shown; times in seconds since the epoch.

    `batch` is the number of the first of the builds that it was asked for together with.
    """

    number: int
    project: str
    package: str
    state: BuildState
    requested_by: str
    requested: float
    finished: float | None = None
    force: bool = False
    reason: str = ""
    batch: int | None = None
    commits: tuple[Commit, ...] = ()
    jobs: tuple[Job, ...] = ()

    def job(self, name: str) -> Job:
        """Return the job of this name.

        Raises:
            NotFoundError: The build has none.
        """
        for job in self.jobs:
            if job.name == name:
                return job
        raise NotFoundError(f"build {self.number} has no job `{name}`{guess(name, [job.name for job in self.jobs])}")
