"""A database that takes nothing for a while, a disk that is full: nothing is lost and nothing is taken twice."""

import itertools
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from builder.clock import deferred
from builder.errors import InternalError, UnavailableError
from builder.master.builds import Builds
from builder.master.decisions.order import Claimed
from builder.master.decisions.retry import Retry
from builder.master.definitions import Definitions
from builder.master.dispatch import Dispatcher, pause_after
from builder.master.endings import Endings
from builder.master.intake import Intake
from builder.master.lease import LOOK
from builder.master.logs import Logs
from builder.master.rounds import SLOW
from builder.master.slaves import Connection, Slaves
from builder.model.attempt import AttemptState, Outcome, Position
from builder.model.build import BuildRequest
from builder.model.job import SOURCE, JobState
from builder.model.work import WorkOrder
from builder.state import StateFolder
from builder.wire import Accepted, Applied
from tests.support.aside import aside
from tests.support.disk import no_file_larger_than
from tests.support.headless import ARM, DEFINITION, GRACE, LEASE, MASTER, X86, Fate, MasterCase
from tests.support.people import ADA
from tests.support.scripted import ScriptedSlave, artifact
from tests.support.store import MemoryStore, answer
from tests.support.wire import MemorySession, connected_pair

FAILED = Outcome(state=AttemptState.FAILED, reason="it does not compile")


class Failures(MasterCase):
    """A slave with one source job in hand."""

    @override
    def setUp(self) -> None:
        super().setUp()
        self.worker = self.slave()
        self.number = self.master.build()
        self.order = self.worker.orders[0]

    def fated(self, *fates: Fate) -> None:
        """What becomes of the next writes to the database."""
        self.master.store.fates = list(fates)

    def unavailable(self, asked: Deferred[Any]) -> None:
        """The master cannot take it now."""
        self.failureResultOf(asked, UnavailableError)

    def test_a_record_that_was_not_written(self) -> None:
        """It is taken when it comes again."""
        self.fated(Fate.REFUSED)
        self.unavailable(self.worker.started(self.order))
        assert answer(self.worker.started(self.order)) == Position(records=1, log=0)

    def test_a_record_that_was_written_without_an_answer(self) -> None:
        """It is not taken a second time, and the stream goes on behind it."""
        answer(self.worker.started(self.order))
        self.fated(Fate.UNANSWERED)
        self.unavailable(self.worker.step(self.order, 1))
        assert answer(self.worker.step(self.order, 1)) == Position(records=2, log=0)
        assert len(self.master.attempts(self.number, SOURCE)[0].steps) == 1

    def test_an_end_that_was_written_without_an_answer(self) -> None:
        """The second report of it is answered like the first would have been."""
        self.fated(Fate.UNANSWERED)
        self.unavailable(self.worker.finish(self.order, FAILED))
        assert answer(self.worker.finish(self.order, FAILED)) == Accepted()
        assert self.master.job(self.number, SOURCE).state is JobState.FAILED

    def test_an_end_that_was_not_written(self) -> None:
        """The attempt goes on, and ends when the report comes again."""
        self.worker.deliver(self.order)
        self.fated(Fate.REFUSED)
        self.unavailable(self.worker.finish(self.order, FAILED))
        assert self.master.job(self.number, SOURCE).state is JobState.RUNNING
        assert answer(self.worker.finish(self.order, FAILED)) == Accepted()

    def test_a_full_disk(self) -> None:
        """Neither log nor artifacts are lost: what is sent again when there is room is taken."""
        srpm = artifact("x-1-1.src.rpm", b"1234567890")
        answer(self.worker.begin(self.order, srpm))
        with no_file_larger_than(4):
            self.unavailable(self.worker.log(self.order, 0, b"12345"))
            self.unavailable(self.worker.chunk(self.order, srpm.name, 0, b"1234567890"))
        assert answer(self.worker.log(self.order, 0, b"12345")) == Position(records=0, log=5)
        assert answer(self.worker.chunk(self.order, srpm.name, 0, b"1234567890")).offset == 10

    def test_a_claim_that_was_not_written(self) -> None:
        """The job stays in the queue, and goes out later."""
        self.fated(Fate.ANSWERED, Fate.REFUSED)
        number = self.master.build("both")
        assert self.master.job(number, SOURCE).state is JobState.QUEUED
        self.master.wait(SLOW)
        assert self.master.job(number, SOURCE).state is JobState.RUNNING
        assert self.worker.orders[-1].fence == 1

    def test_a_claim_that_was_written_without_an_answer(self) -> None:
        """Nobody was told of the attempt: it is found, and the job goes out again under the next fence."""
        self.fated(Fate.ANSWERED, Fate.UNANSWERED)
        number = self.master.build("both")
        self.master.wait(SLOW)
        first, second = self.master.attempts(number, SOURCE)
        assert (first.state, first.reason) == (AttemptState.SUPERSEDED, "the order did not reach slave a")
        assert (second.state, self.worker.orders[-1].fence) == (AttemptState.RUNNING, 2)

    def test_a_slave_that_left_during_the_claim(self) -> None:
        """The attempt is taken back at once, and goes to whoever comes; nothing counts as broken."""
        self.master.store.overtaking = self.worker.cut
        self.fated(Fate.ANSWERED, Fate.OVERTAKEN)
        number = self.master.build("both")
        assert self.master.job(number, SOURCE).state is JobState.QUEUED
        [attempt] = self.master.attempts(number, SOURCE)
        assert (attempt.state, attempt.reason) == (AttemptState.SUPERSEDED, "slave a has just left")

    def test_a_refused_order_that_could_not_be_taken_back(self) -> None:
        """It is found by a later round, since the slave does not have it."""
        self.worker.refusal = UnavailableError("no space left")
        self.fated(*[Fate.ANSWERED] * 2, Fate.REFUSED, Fate.ANSWERED, Fate.REFUSED)
        number = self.master.build("both")
        assert self.master.job(number, SOURCE).state is JobState.RUNNING
        self.worker.refusal = None
        self.master.wait(SLOW)
        assert [attempt.state for attempt in self.master.attempts(number, SOURCE)] == [
            AttemptState.SUPERSEDED,
            AttemptState.RUNNING,
        ]

    def test_a_lost_slave_that_could_not_be_written_down(self) -> None:
        """It is given up by a later round."""
        self.worker.cut()
        self.fated(*[Fate.REFUSED] * 2)
        self.master.wait(LEASE + GRACE + LOOK)
        assert self.master.attempts(self.number, SOURCE)[0].state is AttemptState.RUNNING
        self.master.wait(3 * SLOW)
        assert self.master.attempts(self.number, SOURCE)[0].state is AttemptState.BROKEN

    def test_a_hello_that_could_not_be_written(self) -> None:
        """The slave is told to come again, and gets nothing to do until then."""
        late = ScriptedSlave("late")
        self.master.connect(late)
        self.fated(Fate.REFUSED)
        self.unavailable(late.hello())
        assert [slave.name for slave in answer(self.master.farm.slaves.listing())] == ["a"]
        answer(late.hello())
        assert len(answer(self.master.farm.slaves.listing())) == 2

    def test_an_answer_of_the_repository_builder_that_could_not_be_written(self) -> None:
        """It is refused, and the operation is sent again: its answer is taken then, without a new connection."""
        self.worker.make_source(self.order)
        self.worker.make_package(self.worker.orders[-1])
        asked = self.repo.operations[-1]
        self.fated(Fate.REFUSED)
        self.unavailable(self.repo.ask(Applied(number=asked.number, generations=())))
        assert self.master.job(self.number, X86).state is JobState.PUBLISHING
        self.master.wait(SLOW)
        assert self.repo.operations[-2:] == [asked, asked]
        self.repo.apply(asked)
        self.master.wait(SLOW)
        assert self.repo.operations[-2:] == [asked, asked]
        assert self.master.job(self.number, X86).state is JobState.SUCCEEDED

    def test_a_cancel_that_fails_is_sent_again(self) -> None:
        """A slave that could not be told is told later."""
        self.worker.refusal = InternalError("not now")
        self.master.cancel(self.number)
        assert len(self.worker.cancelled) == 1
        self.worker.refusal = None
        self.master.wait(SLOW)
        assert len(self.worker.cancelled) == 2


class Bugs(SynchronousTestCase):
    """What must never happen."""

    def test_a_bug_where_orders_are_made(self) -> None:
        """It is logged, and ends in a failed job instead of in a loop."""
        store, clock, ids = MemoryStore(), Clock(), (f"{number:032x}" for number in itertools.count())
        answer(Definitions(store, {X86, ARM}, {"package"}).apply(DEFINITION, dry_run=False, visitor=ADA))
        slaves = Slaves(store)
        slave = ScriptedSlave("a")
        wire = connected_pair(MemorySession, MASTER, slave.session_for, slave.identity, clock)
        slaves.admit(Connection("a", wire.a, slave.subscription()))

        def make(_: Claimed) -> WorkOrder:
            raise ZeroDivisionError

        folder = Path(self.mktemp())
        retry = Retry(tries=3)
        intake = Intake(store, Logs(folder), StateFolder(folder), aside, retry)
        dispatcher = Dispatcher(store, slaves, clock, lambda: next(ids), make, Endings(store, intake, retry))
        number = answer(Builds(store, slaves).request(BuildRequest(package="hello"), ADA)).number
        for _ in range(4):
            looked = deferred(dispatcher.look())
            clock.advance(pause_after(3))
            self.successResultOf(looked)
        job = answer(Builds(store, slaves).show(number)).jobs[0]
        assert (job.state, len(job.attempts)) == (JobState.FAILED, 3)
        assert "the master met a bug" in job.reason
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 3
