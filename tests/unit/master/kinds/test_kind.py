import inspect
import tempfile
from pathlib import Path
from types import ModuleType

import pytest
import sqlalchemy as sa
from typing_extensions import override

from builder.attempt.endings import EndedError
from builder.errors import InvalidError
from builder.master.store import schema
from builder.model.artifact import ArtifactKind
from builder.model.attempt import AttemptState, Outcome
from builder.model.job import JobKind, JobState
from builder.model.work import ChrootWork
from builder.runner.jobs.job import job_of
from tests.support import robot, third_kind
from tests.support.attempts import RealAttempt
from tests.support.headless import GRACE, LEASE, X86, HeadlessMaster, MasterCase
from tests.support.orders import order, source_work
from tests.support.scripted import artifact
from tests.support.store import answer


class ThirdKind(MasterCase):
    """A kind of job is added by a class for the master and a function for the runner."""

    @override
    def setUp(self) -> None:
        super().setUp()
        patch = pytest.MonkeyPatch()
        self.addCleanup(patch.undo)
        third_kind.add(patch)

    def test_it_is_ordered_carried_out_delivered_and_followed(self) -> None:
        """From the queue to what follows from its end, through master, wire and runner."""
        build = self.master.build()
        add_job(self.master, build, JobKind.RUN)
        slave = self.slave()
        (ordered,) = (one for one in slave.orders if one.kind is JobKind.RUN)
        with tempfile.TemporaryDirectory() as folder:
            attempt = RealAttempt(Path(folder), ordered)
            outcome = attempt.carry_out()
            told = (attempt.folder.results / "told.log").read_bytes()
        assert (outcome.state, told) == (AttemptState.SUCCEEDED, b"hello")
        slave.deliver(ordered, (artifact("told.log", told, ArtifactKind.LOG), told))
        assert not answer(slave.finish(ordered, outcome)).superseded
        assert self.master.job(build, "told").state is JobState.SUCCEEDED
        after = self.master.job(build, X86)
        assert (after.state, after.reason) == (JobState.CANCELLED, "the name is told")

    def test_a_success_without_what_it_should_bring_is_none(self) -> None:
        """The kind says what has to be delivered."""
        build = self.master.build()
        add_job(self.master, build, JobKind.RUN)
        slave = self.slave()
        (ordered,) = (one for one in slave.orders if one.kind is JobKind.RUN)
        slave.deliver(ordered)
        answer(slave.finish(ordered, Outcome(state=AttemptState.SUCCEEDED)))
        (first, *_) = self.master.attempts(build, "told")
        assert first.reason == "slave a reported a success without what it was told"


def add_job(master: HeadlessMaster, build: int, kind: JobKind) -> None:
    """Put a job of a kind into a build."""
    row = {"build": build, "name": "told", "kind": kind.value, "package_id": 1, "channel": "package"}
    row |= {"state": JobState.QUEUED.value, "architecture": "noarch"}

    def insert(connection: sa.Connection) -> None:
        connection.execute(sa.insert(schema.jobs), row)

    answer(master.store.write(insert))


class UnknownKinds(MasterCase):
    """A job of a kind that a newer Builder has left in the database."""

    def test_it_fails_with_a_sentence_when_it_is_its_turn(self) -> None:
        """It is tried once, and holds up no other."""
        slave = self.slave()
        build = self.master.build()
        add_job(self.master, build, JobKind.IMAGE)
        self.master.wait(60)
        job = self.master.job(build, "told")
        sentence = "this version of Builder has no jobs of kind image; update the master"
        assert (job.state, job.reason, len(job.attempts)) == (JobState.FAILED, sentence, 1)
        assert [one.kind for one in slave.orders] == [JobKind.SOURCE]

    def test_a_slave_that_has_one_is_lost_like_any_other(self) -> None:
        """What cannot be ordered here any more can still be ended."""
        self.slave("gone").cut()
        build = self.master.build()
        add_job(self.master, build, JobKind.IMAGE)

        def begin(connection: sa.Connection) -> None:
            own = schema.jobs.c.name == "told"
            connection.execute(sa.update(schema.jobs).where(own).values(state=JobState.RUNNING.value, fence=1))
            (job_id,) = connection.execute(sa.select(schema.jobs.c.id).where(own)).scalars()
            row = {"id": "f" * 32, "job_id": job_id, "fence": 1, "slave": "gone", "state": "running", "started": 1.0}
            connection.execute(sa.insert(schema.attempts), row)

        answer(self.master.store.write(begin))
        self.master.restart()
        self.master.wait(2 * (LEASE + GRACE))
        assert self.master.attempts(build, "told")[0].state is AttemptState.BROKEN


@pytest.mark.parametrize("unknown", sorted(set(JobKind) - {JobKind.SOURCE, JobKind.CHROOT}, key=str))
def test_a_runner_refuses_a_kind_that_it_does_not_have(unknown: JobKind) -> None:
    """An order of a newer master says what to update."""
    with pytest.raises(EndedError, match=f"no jobs of kind {unknown.value}; update the slave"):
        job_of(unknown)


@pytest.mark.parametrize("small", [third_kind, robot])
def test_what_is_added_is_small(small: ModuleType) -> None:
    """A kind of job, and a kind of visitor, takes less than 60 lines."""
    assert len(inspect.getsource(small).splitlines()) < 60


def test_an_order_of_one_kind_with_the_work_of_another_is_refused() -> None:
    """The kind says which work there is."""
    with pytest.raises(InvalidError, match="the order of 17/source, a job of kind source, has other work"):
        order(source_work()).work_of(ChrootWork)
