"""The sequence in which the jobs of a batch begin: decided once, when the last of its source jobs has ended.

Until then none of its chroot jobs begins, since the requirements and provisions of a source are known only when it is
there. The decision is written down, so that from then on the end of each job begins those that waited for it.
"""

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection

from builder.master.decisions import waves
from builder.master.decisions.waves import Member
from builder.master.store import batches, dependencies, jobs, needs
from builder.master.store.batches import BatchJob
from builder.master.store.dependencies import KnownDependencies
from builder.model.job import JobKind, JobState

WAITS_FOR_SOURCES = "waits until the sources of its batch are there"

_LOST = frozenset({JobState.FAILED, JobState.CANCELLED})


def settle(connection: Connection, batch: int) -> None:
    """Begin the jobs that can begin, if a source job that has just ended was the last one of its batch."""
    if batches.sources_left(connection, batch):
        return
    own = batches.jobs_of(connection, batch)
    chroot_jobs = {job.id: job for job in own if job.kind is JobKind.CHROOT}
    waiting = {key for key, job in chroot_jobs.items() if job.state is JobState.WAITING}
    whole = waves.needs(_members(connection, chroot_jobs.values()))
    # What has ended, be it by being skipped, needs nothing any more.
    needed = {key: others if key in waiting else frozenset[int]() for key, others in whole.items()}
    failed = {job.build for job in own if job.kind is JobKind.SOURCE and job.state is JobState.FAILED}
    hopeless = _hopeless(chroot_jobs, needed, waiting, failed)
    for key, reason in sorted(hopeless.items()):
        jobs.change(connection, key, JobState.CANCELLED, reason=reason)
    left = waiting - hopeless.keys()
    before = waves.reduced({key: needed[key] & left for key in left})
    for key in sorted(left):
        if not before[key]:
            jobs.change(connection, key, JobState.QUEUED)
    batches.decided(connection, batch)
    needs.insert(connection, ((key, other) for key in sorted(left) for other in sorted(before[key])))


def found_or_guessed(name: str, found: KnownDependencies | None) -> KnownDependencies:
    """Return the dependencies of a package, found or guessed.

    Nothing may be known of a package: then it provides what most packages that others need are called.
    """
    return found or KnownDependencies(requires=frozenset(), provides=frozenset({name, f"{name}-devel"}))


def place(project: str, chroot: str) -> str:
    """Return the place where a job looks for what it requires: its project's repository for its chroot."""
    return f"{project}/{chroot}"


def _members(connection: Connection, own: Iterable[BatchJob]) -> list[Member]:
    found = dependencies.known(connection, {job.package_id for job in own})
    return [_member(job, found_or_guessed(job.package, found.get(job.package_id))) for job in own]


def _member(job: BatchJob, found: KnownDependencies) -> Member:
    return Member(
        key=job.id,
        at=place(job.project, job.name),
        published=frozenset(place(job.project, target) for target in job.targets),
        requires=found.requires,
        provides=found.provides,
    )


def _hopeless(
    own: Mapping[int, BatchJob], needed: waves.Needs, waiting: Iterable[int], failed: Iterable[int]
) -> dict[int, str]:
    """Return the reason why each of these jobs will never begin: what it needs is lost, or they need each other."""
    reasons = {}
    for key, job in own.items():
        if job.state in _LOST:
            end = JobState.FAILED if job.build in failed else job.state
            reasons[key] = jobs.missed(f"{job.package} (build {job.build})", end)
    lost = waves.stopped(needed, reasons)
    left = set(waiting) - lost.keys()
    loops = waves.loops({key: needed[key] & left for key in left})
    return lost | {key: _needs_itself(waves.named(own[one].package for one in loop)) for key, loop in loops.items()}


def _needs_itself(loop: str) -> str:
    return f"{loop} need each other: build one of them by itself first"
