"""Hello: who is there, what they have, and what becomes of it."""

import msgspec

from builder.errors import VersionError
from builder.master.lease import LOOK
from builder.master.reception import verdict
from builder.master.store.attempts import KnownAttempt
from builder.model.attempt import AttemptState, Outcome, Position
from builder.model.job import SOURCE, JobKind, JobState
from builder.wire import PROTOCOL_VERSION, HeldVerdict, Verdict
from tests.support.headless import GRACE, LEASE, MasterCase
from tests.support.scripted import ScriptedRepo, ScriptedSlave
from tests.support.store import answer

FAILED = Outcome(state=AttemptState.FAILED, reason="no")


def test_every_state_of_an_attempt_has_a_verdict() -> None:
    """What goes on continues, what was taken is accepted, what was given up is superseded; the rest is unknown."""
    known = KnownAttempt(
        "a" * 32, "a", AttemptState.RUNNING, 0, 1, 1, 1, SOURCE, JobKind.SOURCE, "p", "x", 0, (), 1, None
    )
    verdicts = {state: verdict("a", known._replace(state=state)) for state in AttemptState}
    assert {state for state, said in verdicts.items() if said is Verdict.CONTINUE} == {
        AttemptState.RUNNING,
        AttemptState.CANCELLING,
    }
    assert {state for state, said in verdicts.items() if said is Verdict.SUPERSEDED} == {
        AttemptState.BROKEN,
        AttemptState.SUPERSEDED,
    }
    assert Verdict.UNKNOWN not in verdicts.values()
    assert verdict("b", known) is Verdict.UNKNOWN
    assert verdict("a", None) is Verdict.UNKNOWN


class Hellos(MasterCase):
    """What a slave is told when it says hello."""

    def test_the_lease_is_told(self) -> None:
        """A slave knows for how long it may be silent."""
        slave = ScriptedSlave("a")
        self.master.connect(slave)
        welcome = answer(slave.hello())
        assert (welcome.protocol, welcome.lease) == (PROTOCOL_VERSION, LEASE)

    def test_another_version_is_refused(self) -> None:
        """The sentence names both sides and both versions, and nothing is stored."""
        slave = ScriptedSlave("a")
        self.master.connect(slave)
        said = str(self.failureResultOf(slave.hello(protocol=2), VersionError).value)
        assert "slave a" in said
        assert "speaks version 2" in said
        repo = ScriptedRepo()
        self.master.connect(repo)
        self.failureResultOf(repo.hello(protocol=2), VersionError)
        assert answer(self.master.farm.slaves.listing()) == ()

    def test_slaves_are_listed(self) -> None:
        """Everything that a slave says of itself is shown, while it is connected and afterwards."""
        self.slave("b", 3, architectures=("aarch64",))
        gone = self.slave("a")
        self.master.build()
        gone.cut()
        listed = answer(self.master.farm.slaves.listing())
        assert [(slave.name, slave.connected, slave.capacity, slave.busy) for slave in listed] == [
            ("a", False, 2, 0),
            ("b", True, 3, 1),
        ]
        assert listed[1].architectures == ("aarch64",)
        assert listed[1].facts.hostname == "b.example.org"

    def test_a_newer_hello_closes_the_older_session(self) -> None:
        """The older connection is told why, and the newer one gets the orders."""
        older, newer = self.slave(), self.slave()
        self.master.flush()
        assert older.closed is not None
        assert newer.closed is None
        self.master.build()
        assert (len(older.orders), len(newer.orders)) == (0, 1)

    def test_verdicts(self) -> None:
        """Each attempt that a slave holds gets its own, with the position from which it goes on."""
        slave = self.slave(capacity=3)
        for _ in range(3):
            self.master.build("both")
        running, done, foreign = slave.orders
        answer(slave.log(running, 0, b"abc"))
        answer(slave.finish(done, FAILED))
        unknown = msgspec.structs.replace(foreign, attempt="f" * 32)
        nowhere = Position(records=0, log=0)
        assert self.again(slave, running, done, unknown).verdicts == (
            HeldVerdict(attempt=running.attempt, verdict=Verdict.CONTINUE, position=Position(records=0, log=3)),
            HeldVerdict(attempt=done.attempt, verdict=Verdict.ACCEPTED, position=nowhere),
            HeldVerdict(attempt=unknown.attempt, verdict=Verdict.UNKNOWN, position=nowhere),
        )

    def test_what_a_slave_does_not_name_goes_back_at_once(self) -> None:
        """What it was at work on is broken with a reason, and goes to another slave, where there is one."""
        slave = self.slave("a", 9)
        number = self.master.build()
        answer(slave.started(slave.orders[0]))
        other = self.slave("b")
        slave.cut()
        self.again(slave)
        (first, second) = self.master.attempts(number, SOURCE)
        assert (first.state, first.reason) == (
            AttemptState.BROKEN,
            "slave a does not know of the attempt any more",
        )
        assert (second.slave, second.fence) == ("b", 2)
        assert len(other.orders) == 1

    def test_what_was_given_up_is_superseded(self) -> None:
        """A slave that comes back too late hears that nobody wants its attempt, and the job is elsewhere."""
        slave = self.slave("a", 9)
        number = self.master.build()
        slave.cut()
        self.master.wait(LEASE + GRACE + LOOK)
        self.slave("b")
        (said,) = self.again(slave, slave.orders[0]).verdicts
        assert said.verdict is Verdict.SUPERSEDED
        assert [attempt.slave for attempt in self.master.attempts(number, SOURCE)] == ["a", "b"]

    def test_hello_again_on_the_same_connection(self) -> None:
        """A slave may start over without a new connection; it keeps what it names, and an order under way is spared."""
        slave = self.slave()
        slave.silent = True
        self.master.build()
        answer(slave.hello())
        assert self.master.attempts(1, SOURCE)[0].state is AttemptState.RUNNING
        assert slave.closed is None
        slave.silent = False
        self.master.build("both")
        answer(slave.hello(*slave.orders))
        assert [self.master.attempts(number, SOURCE)[0].state for number in (1, 2)] == [AttemptState.RUNNING] * 2


class LostSlaves(MasterCase):
    """Leases."""

    def test_a_silent_slave_is_lost_after_lease_and_grace(self) -> None:
        """Its attempt is broken and says so, and the job goes to the next slave with a higher fence."""
        slave = self.slave("a", 9)
        number = self.master.build()
        other = self.slave("b")
        slave.cut()
        self.master.wait(LEASE + GRACE)
        assert self.master.attempts(number, SOURCE)[0].state is AttemptState.RUNNING
        self.master.wait(2)
        first = self.master.attempts(number, SOURCE)[0]
        assert first.state is AttemptState.BROKEN
        assert first.reason == "slave a is lost: nothing was heard of it for 30 seconds"
        assert [order.fence for order in other.orders] == [2]

    def test_a_slave_that_comes_back_in_time_goes_on(self) -> None:
        """A disconnect alone changes nothing."""
        slave = self.slave()
        number = self.master.build()
        for _ in range(3):
            slave.cut()
            self.master.wait(LEASE + GRACE - 1)
            self.again(slave, slave.orders[0])
        assert [attempt.state for attempt in self.master.attempts(number, SOURCE)] == [AttemptState.RUNNING]

    def test_a_connection_that_is_dead_is_cut(self) -> None:
        """A slave whose host vanished without a word is lost as well."""
        slave = self.slave()
        number = self.master.build()
        self.master.clock.pump([1] * int(LEASE + GRACE + 2 * LOOK + 1))
        assert slave.closed is not None
        assert self.master.attempts(number, SOURCE)[0].state is AttemptState.BROKEN

    def test_a_restarted_master_gives_everybody_the_whole_time(self) -> None:
        """However long it was away, nobody is given up before lease and grace are over once more."""
        slave = self.slave()
        number = self.master.build()
        slave.cut()
        self.master.wait(LEASE)
        self.master.restart()
        self.master.wait(LEASE + GRACE - 1)
        (said,) = self.again(slave, slave.orders[0]).verdicts
        assert said.verdict is Verdict.CONTINUE
        slave.cut()
        self.master.restart()
        self.master.wait(LEASE + GRACE + LOOK)
        assert self.master.attempts(number, SOURCE)[0].state is AttemptState.BROKEN

    def test_a_stopped_master_gives_everybody_the_whole_time(self) -> None:
        """However long it could not run, nobody is given up before it has listened for lease and grace once more."""
        slave, connected = self.slave(), self.slave("b")
        number = self.master.build()
        slave.cut()
        self.master.wait(LEASE)
        self.master.clock.advance(100)
        assert connected.closed is None
        self.master.wait(LEASE + GRACE - 1)
        assert self.master.attempts(number, SOURCE)[0].state is AttemptState.RUNNING
        self.master.wait(2 * LOOK)
        assert self.master.attempts(number, SOURCE)[0].state is AttemptState.BROKEN

    def test_a_cancelled_attempt_of_a_lost_slave(self) -> None:
        """Nobody waits for it any more: it is cancelled, and its job stays so."""
        slave = self.slave()
        number = self.master.build()
        slave.cut()
        self.master.cancel(number)
        self.master.wait(LEASE + GRACE + LOOK)
        assert self.master.attempts(number, SOURCE)[0].state is AttemptState.CANCELLED
        assert self.master.job(number, SOURCE).state is JobState.CANCELLED
