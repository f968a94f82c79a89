"""The reason why a queued job waits, where it is not just its turn: a pure reading of what there is."""

from collections.abc import Sequence

import msgspec

from builder.master.decisions.assignment import Offer
from builder.model.build import Build
from builder.model.job import Job, JobState


def explained(build: Build, connected: Sequence[Offer]) -> Build:
    """Return the build with a reason at each of its queued jobs that no connected slave would take."""
    return msgspec.structs.replace(build, jobs=tuple(_explained(job, connected) for job in build.jobs))


def _explained(job: Job, connected: Sequence[Offer]) -> Job:
    if job.state is not JobState.QUEUED:
        return job
    if not connected:
        reason = "no slave is connected"
    elif not any(job.channel in offer.channels for offer in connected):
        reason = f"no connected slave takes the channel {job.channel}"
    elif not any(offer.suits(job.channel, job.architecture) for offer in connected):
        reason = f"no connected slave builds {job.architecture} for the channel {job.channel}"
    else:
        return job
    return msgspec.structs.replace(job, reason=f"waits: {reason}")
