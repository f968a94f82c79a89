from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from builder.errors import NotFoundError
from builder.model.attempt import AttemptState, FailureKind, Outcome
from builder.slave.journal import Journal
from builder.slave.run import LAUNCHES, LOOK_EVERY
from builder.wire import CHUNK, CancelJob
from tests.support.orders import ATTEMPT, order, source_work
from tests.support.slave import SlaveCase

SUCCESS = Outcome(state=AttemptState.SUCCEEDED, evr="1.0-1")
FAILURE = Outcome(state=AttemptState.FAILED, kind=FailureKind.COMPILE, reason="it does not compile")


class LifeTest(SlaveCase):
    def test_a_killed_slave_goes_on_with_its_runner(self) -> None:
        """The next life reports what the runner wrote meanwhile, and starts no other one."""
        self.order()
        self.launcher.last.say("before\n")
        self.slave.kill()
        self.launcher.last.say("meanwhile\n")
        self.slave = self.life()
        self.slave.connect()
        self.slave.gather()
        assert len(self.launcher.runners) == 1
        assert self.attempt.log == b"before\nmeanwhile\n"

    def test_a_result_of_an_earlier_life_is_delivered(self) -> None:
        """A runner that ended while no slave was there is not run again."""
        self.order()
        self.slave.kill()
        self.deliver({"a.rpm": b"content"})
        self.launcher.last.finish(SUCCESS)
        self.slave = self.life()
        self.slave.connect()
        assert len(self.launcher.runners) == 1
        assert self.attempt.outcome == SUCCESS

    def test_an_order_that_was_not_begun_is_begun(self) -> None:
        """A slave that was killed between the order's receipt and its runner's start starts it."""
        Journal(self.state).record(order(source_work()))
        self.slave = self.life()
        assert not self.launcher.last.clears_up

    def test_a_dead_runner_is_cleared_up_after(self) -> None:
        """Another runner is started, which finds that one was there before."""
        self.order()
        self.launcher.last.die()
        assert [runner.clears_up for runner in self.launcher.runners] == [False, True]

    def test_a_death_that_nobody_tells_is_found(self) -> None:
        """The slow timer finds that an earlier life's runner is gone."""
        self.order()
        self.launcher.last.vanish()
        self.clock.advance(LOOK_EVERY)
        assert len(self.launcher.runners) == 2

    def test_what_nobody_tells_is_reported_nevertheless(self) -> None:
        """Without a word from the watch, the slow timer finds what the runner wrote."""
        self.order()
        self.launcher.last.say("unseen\n")
        self.clock.advance(LOOK_EVERY)
        self.slave.gather()
        assert self.attempt.log == b"unseen\n"

    def test_a_runner_that_cannot_be_started_is_tried_again(self) -> None:
        """A host that is out of processes for a moment costs no attempt."""
        self.launcher.broken = True
        self.order()
        assert self.launcher.runners == []
        self.launcher.broken = False
        self.clock.advance(LOOK_EVERY)
        assert len(self.launcher.runners) == 1
        assert not self.launcher.last.clears_up

    def test_runners_that_die_again_and_again_are_given_up(self) -> None:
        """The attempt ends broken, and is not started for ever."""
        self.order()
        for _ in range(LAUNCHES):
            self.launcher.last.die()
        self.slave.flush()
        assert len(self.launcher.runners) == LAUNCHES
        assert self.attempt.outcome.state is AttemptState.BROKEN
        assert "died" in self.attempt.outcome.reason

    def test_cancelling_is_told_and_reported(self) -> None:
        """The runner is told; what it makes of it is the end of the attempt."""
        self.order()
        self.successResultOf(self.ask(CancelJob(attempt=ATTEMPT)))
        assert self.launcher.last.folder.cancelled
        self.launcher.last.finish(Outcome(state=AttemptState.CANCELLED))
        self.slave.flush()
        assert self.attempt.outcome.state is AttemptState.CANCELLED

    def test_an_unknown_attempt_cannot_be_cancelled(self) -> None:
        """The master learns that it is not there."""
        self.failureResultOf(self.ask(CancelJob(attempt=ATTEMPT)), NotFoundError)

    def test_what_an_order_of_another_version_left_is_parked(self) -> None:
        """A folder that cannot be read stops nobody and is not deleted."""
        (self.state / "attempts" / ATTEMPT).mkdir()
        (self.state / "attempts" / ATTEMPT / "order.json").write_text('{"attempt": 1}')
        self.slave = self.life()
        assert self.folders("parked") == [ATTEMPT]

    def test_a_folder_without_an_order_is_removed(self) -> None:
        """An order that was not yet answered never was."""
        (self.state / "attempts" / ATTEMPT / "inputs").mkdir(parents=True)
        self.slave = self.life()
        assert self.folders() == []

    @given(st.lists(st.sampled_from(["say", "step", "cut", "kill", "gather", "told", "deaf"]), max_size=30))
    @settings(max_examples=60, deadline=None)
    def test_whatever_happens_nothing_is_lost_or_doubled(self, happenings: list[str]) -> None:
        """Cuts, kills and gaps in any order: the master has the whole log once, every record once, one end."""
        case = Happenings()
        try:
            case.setUp()
            case.live_through(happenings)
        finally:
            case.doCleanups()


class Happenings(SlaveCase):
    """A life with a great deal of bad luck."""

    def live_through(self, happenings: list[str]) -> None:
        """Do all of it, then end."""
        self.order()
        runner = self.launcher.last
        said = ""
        for number, happening in enumerate(happenings):
            self.master.deaf = happening == "deaf"
            match happening:
                case "say" | "deaf":
                    runner.say(f"line {number} {'x' * CHUNK}\n")
                    said += f"line {number} {'x' * CHUNK}\n"
                    self.slave.told("log")
                case "step" if runner.records.open_step:
                    runner.records.end_step(ok=True)
                case "step":
                    runner.records.begin_step("build")
                case "cut":
                    self.slave.cut()
                    self.slave.connect()
                case "kill":
                    self.slave.kill()
                    self.slave = self.life()
                    self.slave.connect()
                case "gather":
                    self.slave.gather()
                case _:
                    self.slave.told("records")
        self.master.deaf = False
        runner.records.end_step(ok=True)
        runner.finish(FAILURE)
        self.slave.kill()
        self.slave = self.life()
        self.slave.connect()
        self.slave.gather()
        assert self.attempt.outcome == FAILURE
        assert self.attempt.log.decode() == said
        assert [report.number for report in self.attempt.records] == list(range(len(self.attempt.records)))
        assert self.attempt.finishes == 1
        assert self.folders() == []

    @override
    def runTest(self) -> None:
        """It is not run by itself."""
