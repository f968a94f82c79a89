import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from builder.lifecycle import JOB_ENDS, JOB_TRANSITIONS
from builder.master.builds import Builds
from builder.master.slaves import Slaves
from builder.master.store import events, jobs, projects, schema
from builder.model.build import BuildRequest
from builder.model.event import Event
from builder.model.job import JobState
from builder.model.package import Package, Packaging, Style
from builder.model.project import Project
from tests.support.people import ADA
from tests.support.store import MemoryStore, answer

CHROOTS = ("fedora-43-aarch64", "fedora-43-x86_64")
PACKAGE = Package(style=Style.RELEASE, packaging=Packaging(git="https://git.example.org/x.git"))
changes = st.lists(st.tuples(st.integers(0, 2), st.sampled_from(JobState)), max_size=25)


class History:
    """A build with three jobs in a store of its own."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        project = Project(project="p", chroots=CHROOTS, packages={"x": PACKAGE})
        answer(self.store.write(lambda connection: projects.save(connection, project)))
        answer(Builds(self.store, Slaves(self.store)).request(BuildRequest(package="x"), ADA))
        ids = sa.select(schema.jobs.c.id).order_by(schema.jobs.c.id)
        self.jobs = answer(self.store.read(lambda connection: connection.execute(ids).scalars().all()))

    def change(self, job: int, state: JobState) -> bool:
        return answer(self.store.write(lambda connection: jobs.change(connection, self.jobs[job], state, reason="why")))

    def states(self) -> list[JobState]:
        query = sa.select(schema.jobs.c.state).order_by(schema.jobs.c.id)
        return answer(self.store.read(lambda connection: [JobState(s) for s in connection.execute(query).scalars()]))

    def events(self) -> tuple[Event, ...]:
        return answer(self.store.read(lambda connection: events.since(connection, 0)))

    def finished(self) -> bool:
        def unit(connection: Connection) -> bool:
            return connection.execute(sa.select(schema.builds.c.finished)).scalar_one() is not None

        return answer(self.store.read(unit))


@settings(deadline=None)
@given(changes)
def test_no_order_of_changes_leaves_the_table(wanted: list[tuple[int, JobState]]) -> None:
    """Each change is made exactly when the table allows it, and told when it is made, in order and without gaps."""
    history = History()
    expected = history.states()
    told = [event.kind.value for event in history.events()]
    for job, state in wanted:
        allowed = state in JOB_TRANSITIONS[expected[job]]
        assert history.change(job, state) == allowed
        if allowed:
            expected[job] = state
            told.append(f"job_{state.value}")
            if set(expected) <= JOB_ENDS:
                told.append("build_finished")
        assert history.states() == expected
    found = history.events()
    assert [event.kind.value for event in found] == told
    assert [event.number for event in found] == list(range(1, len(told) + 1))
    assert history.finished() == (set(expected) <= JOB_ENDS)
