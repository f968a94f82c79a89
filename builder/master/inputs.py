"""Inputs of builds: checked when they are delivered, read from beside the log ever after."""

from pathlib import Path

import msgspec

from builder.errors import InvalidError, NotFoundError
from builder.master.delivery import Aside
from builder.master.kinds import kind as kinds
from builder.master.logs import Logs
from builder.model.artifact import ArtifactKind, Listing
from builder.model.attempt import AttemptState
from builder.model.build import Build
from builder.model.inputs import INPUTS_LIMIT, INPUTS_NAME, JobInputs
from builder.model.job import Job, JobKind


def check(folder: Path, listing: Listing, job: str, kind: JobKind) -> None:
    """Check the inputs that a complete delivery in `folder` tells, if it tells any.

    Raises:
        InvalidError: The delivery has them more than once, at too great a length, or in another form.
    """
    own = [artifact for artifact in listing.artifacts if artifact.kind is ArtifactKind.INPUTS]
    if not own:
        return
    if [artifact.name for artifact in own] != [INPUTS_NAME] or own[0].size > INPUTS_LIMIT:
        raise InvalidError(f"its inputs are not one file {INPUTS_NAME} of at most {INPUTS_LIMIT} bytes")
    _decoded((folder / INPUTS_NAME).read_bytes(), job, kind, 1)


class Inputs:
    """Inputs of builds, as people see them."""

    def __init__(self, logs: Logs, aside: Aside) -> None:
        self._logs = logs
        self._aside = aside

    async def of(self, build: Build) -> tuple[JobInputs, ...]:
        """Return the inputs of each job of a build that has succeeded.

        Raises:
            NotFoundError: The build is so old that they were removed.
        """
        number, made = build.number, _succeeded(build)
        if made and self._logs.removed(number):
            raise NotFoundError(
                f"what went into build {number} was removed with its logs, as that of all old builds is"
            )
        return await self._aside(lambda: self._read(number, made))

    def _read(self, build: int, made: list[tuple[Job, int]]) -> tuple[JobInputs, ...]:
        kept = ((job, fence, self._logs.kept(build, job.name, fence, INPUTS_NAME)) for job, fence in made)
        return tuple(_decoded(text, job.name, job.kind, fence) for job, fence, text in kept if text is not None)


def _succeeded(build: Build) -> list[tuple[Job, int]]:
    """Return the jobs that have succeeded, each with the fence of the newest attempt that has."""
    ends = ((job, [one.fence for one in job.attempts if one.state is AttemptState.SUCCEEDED]) for job in build.jobs)
    return [(job, fences[-1]) for job, fences in ends if fences]


def _decoded(text: bytes, job: str, kind: JobKind, fence: int) -> JobInputs:
    try:
        return kinds.kind_of(kind).inputs(text, job, fence)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidError(f"{INPUTS_NAME} of {job} cannot be read: {error}") from error
