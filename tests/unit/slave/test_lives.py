import hashlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from builder.errors import NotFoundError
from builder.model.attempt import AttemptState, FailureKind, Outcome
from builder.slave.journal import Journal
from builder.slave.run import KILL_AFTER, LAUNCHES, LOOK_EVERY
from builder.state import SlaveFolder
from builder.wire import CHUNK, CancelJob
from tests.support.disk import failing
from tests.support.orders import ATTEMPT, SRPM, chroot_work, order, source_work
from tests.support.slave import SlaveCase

STUBBORN = """\
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    print("here", flush=True)
    input()
"""
SUCCESS = Outcome(state=AttemptState.SUCCEEDED, evr="1.0-1")
FAILURE = Outcome(state=AttemptState.FAILED, kind=FailureKind.COMPILE, reason="it does not compile")


@contextmanager
def stubborn() -> Iterator["subprocess.Popen[str]"]:
    """A process that does not end when it is told to."""
    command = [sys.executable, "-c", STUBBORN]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "here\n"
            yield process
        finally:
            process.kill()


def assert_alive(process: "subprocess.Popen[str]") -> None:
    """It says so, which nobody does who was sent SIGKILL."""
    assert process.stdin
    assert process.stdout
    process.stdin.write("\n")
    assert process.stdout.readline() == "here\n"


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
        Journal(SlaveFolder(self.state)).record(order(source_work()))
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

    def test_a_runner_that_could_not_be_started_needs_no_second_srpm(self) -> None:
        """What a report that is cut brought here is not asked for again."""
        self.master.offered[hashlib.sha256(SRPM).hexdigest()] = SRPM
        self.launcher.broken = True
        self.order(chroot_work())
        self.slave.flush()
        asked = self.master.asked["FetchFile"]
        self.slave.cut()
        self.slave.connect()
        self.launcher.broken = False
        self.clock.advance(LOOK_EVERY)
        assert len(self.launcher.runners) == 1
        assert self.master.asked["FetchFile"] == asked

    def test_an_end_that_cannot_be_written_is_written_later(self) -> None:
        """What goes wrong while it is looked after an attempt leaves no callback, and is tried again."""
        self.order()
        with failing("move", "result.json"):
            for _ in range(LAUNCHES):
                self.launcher.last.die()
        assert len(self.flushLoggedErrors(OSError)) == 1
        self.clock.advance(LOOK_EVERY)
        self.slave.flush()
        assert self.attempt.outcome.state is AttemptState.BROKEN

    def test_a_result_that_cannot_be_read_is_reported(self) -> None:
        """As broken, and by the next life too."""
        self.order()
        (self.launcher.last.folder.path / "result.json").write_text("{}")
        self.slave.cut()
        self.slave.told("result.json")
        self.slave.kill()
        self.slave = self.life()
        self.slave.connect()
        assert self.attempt.outcome.state is AttemptState.BROKEN
        assert self.folders() == []

    def test_a_runner_that_does_not_end_is_killed(self) -> None:
        """Also when there is no descriptor to do it with the first time."""
        self.order()
        lock = self.launcher.last.folder.lock
        with stubborn() as runner:
            lock.write_text(str(runner.pid))
            self.successResultOf(self.ask(CancelJob(attempt=ATTEMPT)))
            away = lock.rename(lock.with_name("away"))
            lock.mkdir()
            self.clock.advance(KILL_AFTER)
            assert_alive(runner)
            lock.rmdir()
            away.rename(lock)
            self.clock.advance(KILL_AFTER)
            assert runner.wait(60) == -signal.SIGKILL
        assert self.flushLoggedErrors(OSError)

    def test_a_cancel_outlives_the_slave(self) -> None:
        """The next life kills the runner if it still has not ended, without another word from the master."""
        self.order()
        with stubborn() as runner:
            self.launcher.last.folder.lock.write_text(str(runner.pid))
            self.successResultOf(self.ask(CancelJob(attempt=ATTEMPT)))
            self.slave.kill()
            self.slave = self.life()
            self.clock.advance(KILL_AFTER)
            assert runner.wait(60) == -signal.SIGKILL

    def test_nobody_kills_what_clears_up(self) -> None:
        """A cancelled runner has died before its time to end was over."""
        self.order()
        self.successResultOf(self.ask(CancelJob(attempt=ATTEMPT)))
        self.launcher.last.die()
        with stubborn() as runner:
            self.launcher.last.folder.lock.write_text(str(runner.pid))
            self.clock.advance(KILL_AFTER)
            assert_alive(runner)

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

    def test_what_cannot_be_taken_up_stops_no_other(self) -> None:
        """The slave starts, and does what it can do."""
        (self.state / "attempts" / "0" / "order.json").mkdir(parents=True)
        self.order()
        self.slave.kill()
        self.slave = self.life()
        self.slave.connect()
        assert len(self.flushLoggedErrors(IsADirectoryError)) == 1
        assert self.master.hellos[-1].held == (ATTEMPT,)

    def test_a_folder_without_an_order_is_removed(self) -> None:
        """An order that was not yet answered never was."""
        (self.state / "attempts" / ATTEMPT / "order-files").mkdir(parents=True)
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
