"""Why a queued job waits, where it is not just its turn: a pure reading of what there is."""

from collections.abc import Sequence

import msgspec

from builder.master.decisions.assignment import ANY
from builder.model.build import Build
from builder.model.job import Job, JobState
from builder.wire import Hello


def explained(build: Build, connected: Sequence[Hello]) -> Build:
    """The build, with a reason at each of its queued jobs that no connected slave, by its own word, would take."""
    return msgspec.structs.replace(build, jobs=tuple(_explained(job, connected) for job in build.jobs))


def _explained(job: Job, connected: Sequence[Hello]) -> Job:
    if job.state is not JobState.QUEUED:
        return job
    takers = [slave for slave in connected if job.channel in slave.channels]
    if not connected:
        reason = "no slave is connected"
    elif not takers:
        reason = f"no connected slave takes the channel {job.channel}"
    elif job.architecture != ANY and not any(job.architecture in slave.architectures for slave in takers):
        reason = f"no connected slave builds {job.architecture} for the channel {job.channel}"
    else:
        return job
    return msgspec.structs.replace(job, reason=f"waits: {reason}")
