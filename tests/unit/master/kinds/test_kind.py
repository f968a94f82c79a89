import inspect
import tempfile
from pathlib import Path

import pytest
import sqlalchemy as sa
from typing_extensions import override

from builder.attempt.endings import EndedError
from builder.errors import InvalidError, UnavailableError
from builder.master.kinds.kind import kind_of
from builder.master.store import schema
from builder.model.artifact import ArtifactKind
from builder.model.attempt import AttemptState, Outcome
from builder.model.job import JobKind, JobState
from builder.model.work import ChrootWork
from builder.runner.jobs.job import job_of
from tests.support import third_kind
from tests.support.attempts import RealAttempt
from tests.support.headless import X86, MasterCase
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
        self._add(build)
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
        self._add(build)
        slave = self.slave()
        (ordered,) = (one for one in slave.orders if one.kind is JobKind.RUN)
        slave.deliver(ordered)
        answer(slave.finish(ordered, Outcome(state=AttemptState.SUCCEEDED)))
        (first, *_) = self.master.attempts(build, "told")
        assert first.reason == "slave a reported a success without what it was told"

    def _add(self, build: int) -> None:
        """Put a job of the kind into a build."""
        row = {"build": build, "name": "told", "kind": JobKind.RUN.value, "package_id": 1, "channel": "package"}
        row |= {"state": JobState.QUEUED.value, "architecture": "noarch"}

        def insert(connection: sa.Connection) -> None:
            connection.execute(sa.insert(schema.jobs), row)

        answer(self.master.store.write(insert))


def test_the_third_kind_is_small() -> None:
    """What a kind takes to be added is less than 60 lines."""
    assert len(inspect.getsource(third_kind).splitlines()) < 60


def test_a_kind_that_this_version_does_not_have_is_named() -> None:
    """A database, or an order, of a newer Builder is refused in a sentence that says what to update."""
    for unknown in set(JobKind) - {JobKind.SOURCE, JobKind.CHROOT}:
        with pytest.raises(UnavailableError, match=f"no jobs of kind {unknown.value}; update the master"):
            kind_of(unknown)
        with pytest.raises(EndedError, match=f"no jobs of kind {unknown.value}; update the slave"):
            job_of(unknown)


def test_an_order_of_one_kind_with_the_work_of_another_is_refused() -> None:
    """The kind says which work there is."""
    with pytest.raises(InvalidError, match="the order of 17/source, a job of kind source, has other work"):
        order(source_work()).work_of(ChrootWork)
