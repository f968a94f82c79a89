"""A batch from its request to its end, whatever its packages need and whatever becomes of them."""

from functools import partial
from random import Random

import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.master import sequence
from builder.master.store import batches, dependencies, jobs, projects, requests, schema
from builder.model.dependencies import Dependencies
from builder.model.job import SOURCE, JobKind, JobState
from builder.model.package import Package, Packaging, Style
from builder.model.project import Project
from tests.support.store import MemoryStore, answer

CHROOT = "fedora-43-x86_64"
PACKAGES = "abcdef"
BAD = frozenset({JobState.FAILED, JobState.CANCELLED})
NEEDS = st.fixed_dictionaries({name: st.frozensets(st.sampled_from(PACKAGES), max_size=2) for name in PACKAGES})
ENDS = st.fixed_dictionaries(
    {name: st.sampled_from([JobState.SUCCEEDED] * 3 + [JobState.SKIPPED, JobState.FAILED]) for name in PACKAGES}
)


def requested(connection: sa.Connection) -> None:
    """A batch of all packages, of which nothing is known."""
    package = Package(style=Style.RELEASE, packaging=Packaging(git="https://git.example.org/a.git"))
    projects.save(connection, Project(project="p", chroots=(CHROOT,), packages=dict.fromkeys(PACKAGES, package)))
    project = projects.one_bare(connection, "p")
    wanted = [requests.Wanted(known, (CHROOT,), project) for known in projects.present(connection)]
    requests.insert(connection, wanted, "ada", force=False, batch=True)


def source_ended(connection: sa.Connection, name: str, needed: frozenset[str], end: JobState) -> None:
    """What an attempt's end does: the source job of a package has ended."""
    own = {job.name: job for job in batches.jobs_of(connection, 1) if job.package == name}
    jobs.change(connection, own[SOURCE].id, JobState.RUNNING)
    if end is JobState.SUCCEEDED:
        found = Dependencies(requires=tuple(sorted(needed)), provides=(name,))
        dependencies.save(connection, own[SOURCE].package_id, SOURCE, JobKind.SOURCE, found)
    else:
        jobs.change(connection, own[CHROOT].id, JobState.CANCELLED, reason="the source job failed")
    jobs.change(connection, own[SOURCE].id, end)
    sequence.settle(connection, 1)


def states(connection: sa.Connection) -> dict[str, JobState]:
    """Of each package's chroot job."""
    return {job.package: job.state for job in batches.jobs_of(connection, 1) if job.name == CHROOT}


def built(connection: sa.Connection, name: str, end: JobState) -> None:
    """A job that is queued runs and ends."""
    (job,) = (one for one in batches.jobs_of(connection, 1) if (one.package, one.name) == (name, CHROOT))
    jobs.change(connection, job.id, JobState.RUNNING)
    jobs.change(connection, job.id, end)


def expected(needed: dict[str, frozenset[str]], ends: dict[str, JobState], lost: set[str]) -> dict[str, JobState]:
    """How each job ends: as it does by itself if all that it needs ends well, which a cycle never does."""
    well: set[str] = set()
    begun: set[str] = set()
    for _ in PACKAGES:
        begun |= {name for name in PACKAGES if name not in lost and needed[name] - {name} <= well}
        well |= {name for name in begun if ends[name] not in BAD}
    return {name: ends[name] if name in begun else JobState.CANCELLED for name in PACKAGES}


@settings(max_examples=40, deadline=None)
@given(NEEDS, ENDS, st.sets(st.sampled_from(PACKAGES), max_size=1), st.randoms())
def test_every_job_of_a_batch_comes_to_its_end(
    needed: dict[str, frozenset[str]], ends: dict[str, JobState], lost: set[str], chance: Random
) -> None:
    """What can be built is, in an order in which all that it needs went well before it; the rest is cancelled."""
    store = MemoryStore()
    answer(store.write(requested))
    for name in chance.sample(PACKAGES, len(PACKAGES)):
        assert JobState.QUEUED not in answer(store.read(states)).values()
        end = JobState.FAILED if name in lost else JobState.SUCCEEDED
        answer(store.write(partial(source_ended, name=name, needed=needed[name], end=end)))
    while queued := sorted(name for name, state in answer(store.read(states)).items() if state is JobState.QUEUED):
        name = chance.choice(queued)
        now = answer(store.read(states))
        assert all(now[other] not in {*BAD, JobState.WAITING, JobState.QUEUED} for other in needed[name] - {name})
        answer(store.write(partial(built, name=name, end=ends[name])))
    assert answer(store.read(states)) == expected(needed, ends, lost)
    unfinished = sa.select(sa.func.count()).select_from(schema.builds).where(schema.builds.c.finished.is_(None))
    assert answer(store.read(lambda connection: connection.execute(unfinished).scalar_one())) == 0
    answer(store.close())
