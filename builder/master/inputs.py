"""What the results of builds were made from: looked at when it is delivered, read from beside the log ever after."""

from pathlib import Path

import msgspec

from builder.errors import InvalidError, NotFoundError
from builder.master.delivery import Aside
from builder.master.logs import Logs
from builder.model.artifact import ArtifactKind, Listing
from builder.model.attempt import AttemptState
from builder.model.build import Build
from builder.model.inputs import INPUTS_LIMIT, INPUTS_NAME, ChrootInputs, JobInputs, SourceInputs
from builder.model.job import SOURCE


def check(folder: Path, listing: Listing, job: str) -> None:
    """Look at what a complete delivery in `folder` says that it was made from, if it says so.

    Raises:
        InvalidError: It says so more than once, at too great a length, or in another form.
    """
    own = [artifact for artifact in listing.artifacts if artifact.kind is ArtifactKind.INPUTS]
    if not own:
        return
    if [artifact.name for artifact in own] != [INPUTS_NAME] or own[0].size > INPUTS_LIMIT:
        raise InvalidError(f"its inputs are not one file {INPUTS_NAME} of at most {INPUTS_LIMIT} bytes")
    _decoded((folder / INPUTS_NAME).read_bytes(), job, 1)


class Inputs:
    """Tells what builds were made from."""

    def __init__(self, logs: Logs, aside: Aside) -> None:
        self._logs = logs
        self._aside = aside

    async def of(self, build: Build) -> tuple[JobInputs, ...]:
        """Of each job of a build that has succeeded, what its result was made from.

        Raises:
            NotFoundError: It is so old that this was removed.
        """
        number, fences = build.number, _succeeded(build)
        if fences and self._logs.removed(number):
            raise NotFoundError(
                f"what went into build {number} was removed with its logs, as that of all old builds is"
            )
        return await self._aside(lambda: self._read(number, fences))

    def _read(self, build: int, fences: dict[str, int]) -> tuple[JobInputs, ...]:
        kept = {job: self._logs.kept(build, job, fence, INPUTS_NAME) for job, fence in fences.items()}
        return tuple(_decoded(text, job, fences[job]) for job, text in kept.items() if text is not None)


def _succeeded(build: Build) -> dict[str, int]:
    """By the names of jobs, the fences of their newest attempts that have succeeded."""
    tried = ((job.name, attempt) for job in build.jobs for attempt in job.attempts)
    return {job: attempt.fence for job, attempt in tried if attempt.state is AttemptState.SUCCEEDED}


def _decoded(text: bytes, job: str, fence: int) -> JobInputs:
    try:
        if job == SOURCE:
            return JobInputs(job=job, fence=fence, source=msgspec.json.decode(text, type=SourceInputs))
        return JobInputs(job=job, fence=fence, chroot=msgspec.json.decode(text, type=ChrootInputs))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidError(f"{INPUTS_NAME} of {job} cannot be read: {error}") from error
