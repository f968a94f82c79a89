"""Orders and cancels: sent at once, sent once, and taken back when they do not reach anybody."""

import msgspec
import sqlalchemy as sa
from twisted.logger import capturedLogs

from builder.errors import InternalError, InvalidError, NotFoundError, UnavailableError
from builder.master.dispatch import pause_after
from builder.master.slaves import FIRST_REST, LONGEST_REST, Connection
from builder.master.store import projects
from builder.master.store.schema import jobs
from builder.model.attempt import AttemptState, Outcome
from builder.model.build import BuildState
from builder.model.chroot import BaseRepository
from builder.model.job import SOURCE, JobState
from builder.model.operation import Prepare
from builder.model.package import Packaging
from builder.model.work import WorkOrder
from builder.wire import Accepted
from tests.support.headless import X86, Fate, MasterCase
from tests.support.people import ADA
from tests.support.scripted import ScriptedRepo, ScriptedSlave
from tests.support.store import answer

BROKEN = Outcome(state=AttemptState.BROKEN, reason="the mirror is down")
FAILED = Outcome(state=AttemptState.FAILED, reason="no spec")
CANCELLED = Outcome(state=AttemptState.CANCELLED, reason="cancelled")


def ends(case: MasterCase, number: int, job: str = SOURCE) -> list[tuple[str, AttemptState]]:
    """The attempts at a job: on which slave, and where each stands."""
    return [(attempt.slave, attempt.state) for attempt in case.master.attempts(number, job)]


class Orders(MasterCase):
    """`StartJob`."""

    def test_a_job_goes_out_as_soon_as_it_is_queued(self) -> None:
        """No time passes between the request and the order."""
        slave = self.slave()
        self.master.build()
        assert len(slave.orders) == 1

    def test_a_job_waits_for_a_slave(self) -> None:
        """It is queued while nobody is there, and goes out when somebody says hello."""
        number = self.master.build()
        assert self.master.job(number, SOURCE).state is JobState.QUEUED
        assert len(self.slave().orders) == 1

    def test_a_connection_without_hello_gets_nothing(self) -> None:
        """A slave that has not said what it takes is given nothing."""
        self.master.build()
        slave = ScriptedSlave("a")
        self.master.connect(slave)
        self.master.wait(60)
        assert slave.orders == []

    def test_capacity_is_kept(self) -> None:
        """A slave never holds more than it has room for; the next goes out when there is room."""
        slave = self.slave(capacity=2)
        for _ in range(3):
            self.master.build("both")
        assert [order.build for order in slave.orders] == [1, 2]
        answer(slave.finish(slave.orders[0], FAILED))
        assert [order.build for order in slave.orders] == [1, 2, 3]

    def test_a_refused_order_costs_the_package_nothing(self) -> None:
        """The job goes to another slave with a higher fence."""
        full, other = self.slave("a", 9), self.slave("b", 1)
        full.refusal = UnavailableError("no space left")
        number = self.master.build()
        assert ends(self, number) == [("a", AttemptState.BROKEN), ("b", AttemptState.RUNNING)]
        assert "no space left" in self.master.attempts(number, SOURCE)[0].reason
        assert [order.fence for order in full.orders + other.orders] == [1, 2]

    def test_a_slave_that_refuses_is_left_alone_for_a_while(self) -> None:
        """It is not asked again at once but after a rest, longer each time; the job waits for it and does not fail."""
        slave = self.slave()
        slave.refusal = UnavailableError("no space left")
        number = self.master.build()
        assert len(slave.orders) == 1
        self.master.wait(FIRST_REST - 1)
        assert len(slave.orders) == 1
        self.master.wait(1)
        assert len(slave.orders) == 2
        self.master.wait(400)
        assert len(slave.orders) < 8
        assert self.master.job(number, SOURCE).state is JobState.QUEUED
        slave.refusal = None
        self.master.wait(310)
        assert self.master.job(number, SOURCE).state is JobState.RUNNING

    def test_a_job_may_be_refused_for_ever(self) -> None:
        """It stays queued and holds up nobody, however often that was; then its first break is still the first."""
        slave = self.slave()
        slave.refusal = UnavailableError("no space left")
        number = self.master.build()
        answer(self.master.store.write(lambda connection: connection.execute(sa.update(jobs).values(fence=1100))))
        slave.refusal = None
        self.master.wait(FIRST_REST)
        assert [order.fence for order in slave.orders] == [1, 1101]
        other = self.master.build("both")
        assert self.master.job(other, SOURCE).state is JobState.RUNNING
        answer(slave.finish(slave.orders[1], BROKEN))
        assert slave.orders[-1].fence == 1102
        assert self.master.job(number, SOURCE).state is JobState.RUNNING

    def test_a_slave_may_refuse_for_ever(self) -> None:
        """Its rests become longer up to a limit."""
        slave = ScriptedSlave("a")
        self.master.connect(slave)
        assert slave.wire
        connection = Connection("a", slave.wire.a, slave.subscription())
        for _ in range(1100):
            connection.refused(0)
        assert connection.rest(0) == LONGEST_REST

    def test_a_broken_job_waits_for_a_busy_slave(self) -> None:
        """What broke on one slave goes to the other one when that has room, and not back at once."""
        slave, other = self.slave("b", 2), self.slave("a", 1)
        broken, _ = self.master.build(), self.master.build("both")
        assert (len(slave.orders), len(other.orders)) == (1, 1)
        answer(slave.finish(slave.orders[0], BROKEN))
        assert self.master.job(broken, SOURCE).state is JobState.QUEUED
        answer(other.finish(other.orders[0], FAILED))
        assert ends(self, broken) == [("b", AttemptState.BROKEN), ("a", AttemptState.RUNNING)]

    def test_a_job_goes_back_to_the_only_slave(self) -> None:
        """What broke there once is tried again at once, after that with a pause; another slave gets it without one."""
        slave = self.slave()
        number = self.master.build()
        answer(slave.finish(slave.orders[0], BROKEN))
        answer(slave.finish(slave.orders[1], BROKEN))
        self.master.wait(pause_after(2) - 1)
        assert len(slave.orders) == 2
        self.master.wait(1)
        assert len(slave.orders) == 3
        assert self.master.job(number, SOURCE).state is JobState.RUNNING

    def test_a_pause_ends_when_another_slave_comes(self) -> None:
        """A job that waits before it goes back does not wait for anything once there is a better place."""
        slave = self.slave()
        self.master.build()
        for order in range(2):
            answer(slave.finish(slave.orders[order], BROKEN))
        assert len(self.slave("b").orders) == 1

    def test_an_order_without_answer_is_taken_back(self) -> None:
        """A slave that is connected and says nothing loses the job; what it reports later is superseded."""
        mute, other = self.slave("a", 9), self.slave("b", 1)
        mute.silent = True
        number = self.master.build()
        assert other.orders == []
        self.master.wait(31)
        assert ends(self, number) == [("a", AttemptState.BROKEN), ("b", AttemptState.RUNNING)]
        late = mute.finish(mute.orders[0], Outcome(state=AttemptState.FAILED, reason="late"))
        assert answer(late) == Accepted(superseded=True)
        assert self.master.job(number, SOURCE).state is JobState.RUNNING

    def test_a_bug_in_a_slave_is_not_met_for_ever(self) -> None:
        """An order that a slave cannot even read counts as a broken attempt: after three the job fails and says why."""
        slave = self.slave()
        slave.refusal = InternalError("cannot read this")
        number = self.master.build()
        self.master.wait(pause_after(2))
        build = self.master.show(number)
        assert build.state is BuildState.FAILED
        assert "cannot read this" in build.reason
        assert len(slave.orders) == 3

    def test_an_order_that_is_too_large(self) -> None:
        """It does not become smaller by trying again: the job fails at once, and says why."""
        far = BaseRepository(name="far", url="https://far.example.org/" + "x" * 4000)

        def grow(connection: sa.Connection) -> None:
            projects.save(connection, msgspec.structs.replace(projects.one(connection, "hello"), external=(far,) * 20))

        answer(self.master.store.write(grow))
        slave = self.slave()
        number = self.master.build()
        slave.make_source(slave.orders[0])
        (attempt,) = self.master.attempts(number, X86)
        assert attempt.state is AttemptState.FAILED
        assert "no order can hold all that its definition says" in self.master.show(number).reason

    def test_an_order_that_lacks_a_secret(self) -> None:
        """A secret that was removed since the build was asked for: no slave is asked, and the job says what to do."""
        secrets, store = self.master.farm.secrets, self.master.store
        answer(secrets.set("hello", "deploy", "a-token-of-a-test", ADA))

        def close(connection: sa.Connection) -> None:
            hello = projects.one(connection, "hello")
            place = Packaging(git="https://git.example.org/hello.git", secret="deploy")
            package = msgspec.structs.replace(hello.packages["hello"], packaging=place)
            projects.save(connection, msgspec.structs.replace(hello, packages=hello.packages | {"hello": package}))

        answer(store.write(close))
        number = self.master.build("hello")
        answer(secrets.remove("hello", "deploy", ADA))
        slave = self.slave()
        build = self.master.show(number)
        assert build.state is BuildState.FAILED
        assert "has no secret `deploy`" in build.reason
        assert slave.orders == []

    def test_a_master_without_the_key_of_its_secrets_goes_on(self) -> None:
        """It says so in its log, and builds what needs none."""
        answer(self.master.farm.secrets.set("hello", "deploy", "a-token-of-a-test", ADA))
        (self.master.folder / "secrets.key").unlink()
        with capturedLogs() as logs:
            self.master.restart()
        assert [event for event in logs if "secrets.key in the master" in str(event.get("error"))]
        slave = self.slave()
        self.master.build("hello")
        assert len(slave.orders) == 1

    def test_a_bug_in_one_order_holds_up_no_other(self) -> None:
        """A job for which no order can be made is given up like one that breaks; what is behind it goes out."""
        slave = self.slave(capacity=9)
        for _ in range(2):
            slave.make_package(self.package_order(slave))
            self.repo.apply(self.repo.operations[-1])
        unreadable = sa.update(jobs).where(jobs.c.name == X86).values(evr="nonsense")
        answer(self.master.store.write(lambda connection: connection.execute(unreadable)))
        number = self.package_order(slave).build
        self.master.wait(pause_after(2))
        assert "no order for it: the master met a bug" in self.master.show(number).reason
        assert len(self.flushLoggedErrors(InvalidError)) == 3
        assert self.package_order(slave, "both").job == X86

    def test_a_lost_connection_leaves_the_order_in_doubt(self) -> None:
        """Whether the slave has it is known only when it says hello: here it has, and goes on."""
        slave = self.slave()
        slave.silent = True
        number = self.master.build()
        slave.cut()
        assert ends(self, number) == [("a", AttemptState.RUNNING)]
        self.again(slave, slave.orders[0])
        self.master.wait(60)
        assert ends(self, number) == [("a", AttemptState.RUNNING)]

    def test_a_lost_order_is_sent_anew(self) -> None:
        """Here it has not: the job is queued again at once, and nobody has broken anything."""
        slave = self.slave()
        slave.silent = True
        number = self.master.build()
        slave.cut()
        slave.silent = False
        self.again(slave)
        assert ends(self, number) == [("a", AttemptState.SUPERSEDED), ("a", AttemptState.RUNNING)]

    def test_a_hello_that_overtakes_an_order(self) -> None:
        """A slave says hello before its claim is known here: the attempt was never ordered, and counts for nothing."""
        slave, hellos = self.slave(), []
        self.master.store.overtaking = lambda: hellos.append(slave.hello())
        self.master.store.fates = [Fate.ANSWERED, Fate.OVERTAKEN]
        number = self.master.build()
        answer(hellos[0])
        assert ends(self, number) == [("a", AttemptState.SUPERSEDED), ("a", AttemptState.RUNNING)]
        assert slave.orders[-1].fence == 2

    def test_what_has_ended_is_forgotten(self) -> None:
        """Of a slave that stays connected for years, no more is remembered than what it has in hand."""
        slave = self.slave()
        for cancelled in (False, True):
            number = self.master.build()
            if cancelled:
                self.master.cancel(number)
            answer(slave.finish(slave.orders[-1], CANCELLED if cancelled else FAILED))
        last = self.package_order(slave)
        connection = self.master.farm.slaves.find("a")
        assert connection
        assert (connection.attempts, connection.cancelled) == ({last.attempt}, set())

    def test_a_master_killed_after_a_claim(self) -> None:
        """The order is on its way when the master dies; the slave never had it, and the job goes out again."""
        slave = self.slave()
        slave.silent = True
        number = self.master.build()
        self.master.restart()
        slave.silent = False
        self.again(slave)
        assert [order.fence for order in slave.orders] == [1, 2]
        assert ends(self, number)[-1] == ("a", AttemptState.RUNNING)

    def test_a_missing_chroot_is_told(self) -> None:
        """An order that cannot be made fails the job with a sentence that says what is missing."""
        slave = self.slave()
        number = self.master.build()
        self.master.forget_chroots()
        self.again(slave, slave.orders[0])
        slave.make_source(slave.orders[0])
        assert "no chroot fedora-43-x86_64" in self.master.job(number, X86).reason
        self.master.wait(pause_after(2))
        assert self.master.show(number).state is BuildState.FAILED

    def test_chroot_jobs_wait_for_the_repositories(self) -> None:
        """Until the project's repositories are made no build root can be filled from them."""
        text = "project: new\nchroots: [fedora-43-x86_64]\npackages:\n  fresh:\n    style: release\n"
        text += "    packaging: {git: https://git.example.org/fresh-rpm.git}\n"
        answer(self.master.farm.definitions.apply(text, dry_run=False, visitor=ADA))
        slave = self.slave()
        number = self.master.build("fresh")
        slave.make_source(slave.orders[0])
        assert self.master.job(number, X86).state is JobState.QUEUED
        prepare = self.repo.operations[-1]
        assert isinstance(prepare.operation, Prepare)
        self.repo.apply(prepare)
        assert slave.orders[-1].job == X86

    def test_one_job_per_package_and_chroot(self) -> None:
        """A second build of a package waits until the first one is published."""
        slave = self.slave(capacity=9)
        slave.make_package(self.package_order(slave))
        second = self.master.build()
        slave.make_source(slave.orders[-1])
        assert self.master.job(second, X86).state is JobState.QUEUED
        self.repo.apply(self.repo.operations[-1])
        assert self.master.job(second, X86).state is JobState.RUNNING


class Cancels(MasterCase):
    """`CancelJob`."""

    def _running(self) -> tuple[ScriptedSlave, WorkOrder, int]:
        slave = self.slave()
        number = self.master.build()
        return slave, slave.orders[0], number

    def test_a_cancel_reaches_the_slave(self) -> None:
        """The job is cancelled at once; the attempt holds its place until the slave confirms."""
        slave, order, number = self._running()
        self.master.cancel(number)
        assert slave.cancelled == [order.attempt]
        assert self.master.job(number, SOURCE).state is JobState.CANCELLED
        assert ends(self, number) == [("a", AttemptState.CANCELLING)]
        assert answer(self.master.farm.slaves.listing())[0].busy == 1
        assert answer(slave.finish(order, CANCELLED)) == Accepted()
        assert ends(self, number) == [("a", AttemptState.CANCELLED)]
        assert answer(self.master.farm.slaves.listing())[0].busy == 0

    def test_a_cancel_is_sent_once_per_connection(self) -> None:
        """It is not repeated while the slave works on it, but after a reconnection."""
        slave, order, number = self._running()
        self.master.cancel(number)
        self.master.wait(5)
        assert slave.cancelled == [order.attempt]
        slave.cut()
        self.again(slave, order)
        assert slave.cancelled == [order.attempt] * 2

    def test_a_late_success_is_not_wanted(self) -> None:
        """What finishes while it is cancelled is answered as superseded, and nothing is published."""
        slave = self.slave()
        order = self.package_order(slave)
        self.master.cancel(order.build)
        sent = len(self.repo.operations)
        assert answer(slave.finish(order, Outcome(state=AttemptState.SUCCEEDED, evr="1-1"))) == Accepted(
            superseded=True
        )
        assert ends(self, order.build, X86) == [("a", AttemptState.CANCELLED)]
        assert len(self.repo.operations) == sent

    def test_a_slave_that_does_not_have_it(self) -> None:
        """The attempt is cancelled then and there."""
        slave, _, number = self._running()
        slave.refusal = NotFoundError("not here")
        self.master.cancel(number)
        assert ends(self, number) == [("a", AttemptState.CANCELLED)]

    def test_a_cancel_while_the_order_is_under_way(self) -> None:
        """It is sent after the order has been taken, not before, when the slave would know nothing of it."""
        slave = self.slave()
        slave.silent = True
        number = self.master.build()
        self.master.cancel(number)
        assert slave.cancelled == []
        slave.cut()
        slave.silent = False
        self.again(slave, slave.orders[0])
        assert slave.cancelled == [slave.orders[0].attempt]

    def test_a_cancel_that_was_lost_with_the_master(self) -> None:
        """What was cancelled before the master was killed is told to the slave by the next life."""
        slave, order, number = self._running()
        slave.cut()
        self.master.cancel(number)
        self.master.restart()
        self.again(slave, order)
        assert slave.cancelled == [order.attempt]

    def test_a_cancelled_attempt_that_is_gone(self) -> None:
        """A slave that comes back without it has nothing to stop."""
        slave, _, number = self._running()
        slave.cut()
        self.master.cancel(number)
        self.again(slave)
        assert ends(self, number) == [("a", AttemptState.CANCELLED)]


class Publications(MasterCase):
    """`Operate`, `Applied`, `Rejected`."""

    def _published(self) -> tuple[WorkOrder, int]:
        slave = self.slave()
        order = self.package_order(slave)
        slave.make_package(order)
        return order, self.repo.operations[-1].number

    def test_operations_are_sent_again_to_whoever_connects(self) -> None:
        """What has no answer is sent on each connection, in order, and once on each."""
        _, number = self._published()
        self.repo.cut()
        self.master.restart()
        newer = ScriptedRepo()
        self.master.connect(newer)
        answer(newer.hello())
        self.master.wait(60)
        assert [operation.number for operation in newer.operations] == [number]

    def test_an_answer_may_come_twice(self) -> None:
        """The second one changes nothing."""
        order, _ = self._published()
        operation = self.repo.operations[-1]
        self.repo.apply(operation, "hello-1.0-1.fc43.x86_64")
        self.repo.apply(operation)
        assert self.master.job(order.build, X86).published == ("hello-1.0-1.fc43.x86_64",)

    def test_a_newer_repository_builder_closes_the_older(self) -> None:
        """There is one; what has no answer goes to the newest."""
        self._published()
        newer = ScriptedRepo()
        self.master.connect(newer)
        answer(newer.hello())
        self.master.flush()
        assert self.repo.closed is not None
        assert newer.closed is None
        assert len(newer.operations) == 1

    def test_an_operation_that_could_not_be_sent(self) -> None:
        """It is sent again later."""
        self.repo.refusal = InternalError("not now")
        self._published()
        sent = len(self.repo.operations)
        self.repo.refusal = None
        self.master.wait(20)
        assert len(self.repo.operations) == sent + 1
