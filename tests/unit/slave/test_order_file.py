from typing import Any

from builder.model.attempt import AttemptState
from builder.wire import Request
from tests.support.orders import ATTEMPT, SRPM, artifact, chroot_work
from tests.support.slave import SlaveCase


class FetchTest(SlaveCase):
    def test_the_srpm_is_there_before_the_runner(self) -> None:
        """A chroot job's first step is the slave's: the file that the order names, verified."""
        self.master.offer(SRPM)
        self.order(chroot_work())
        self.slave.flush()
        runner = self.launcher.last
        assert (runner.folder.order_files / "hello-1.0-1.src.rpm").read_bytes() == SRPM
        assert runner.first.value == "chroot"
        assert self.attempt.steps == ["started", "fetch begins", "fetch ends"]

    def test_a_fetch_that_was_cut_goes_on(self) -> None:
        """What was fetched before the connection was lost is not fetched again."""
        self.master.offer(SRPM)

        def cut(request: Request[Any]) -> None:
            if self.master.asked.get("FetchFile") == 3:
                assert self.slave.wire
                self.slave.wire.cut()

        self.master.before = cut
        self.order(chroot_work())
        self.slave.flush()
        assert self.launcher.runners == []
        self.slave.connect()
        self.slave.flush()
        assert (self.launcher.last.folder.order_files / "hello-1.0-1.src.rpm").read_bytes() == SRPM
        assert self.attempt.steps == ["started", "fetch begins", "fetch ends"]

    def test_a_srpm_that_the_master_does_not_have_breaks_the_attempt(self) -> None:
        """It is the farm's fault, and told in one sentence."""
        self.order(chroot_work())
        self.slave.flush()
        assert self.attempt.outcome.state is AttemptState.BROKEN
        assert "has no SRPM to build" in self.attempt.outcome.reason
        assert self.attempt.steps[-1] == "fetch fails"

    def test_a_srpm_with_other_bytes_breaks_the_attempt(self) -> None:
        """What does not have the order's digest is never built."""
        self.master.offered[artifact("x", SRPM).sha256] = SRPM[:-1] + b"!"
        self.order(chroot_work())
        self.slave.flush()
        assert self.launcher.runners == []
        assert self.attempt.outcome.state is AttemptState.BROKEN
        assert "does not arrive as the order says" in self.attempt.outcome.reason

    def test_a_cancel_during_the_fetch_needs_no_runner(self) -> None:
        """The attempt ends cancelled, and no runner is ever started."""
        self.master.offer(SRPM)

        def cancel(request: Request[Any]) -> None:
            if self.master.asked.get("FetchFile") == 1:
                self.slave.attempts.cancel(ATTEMPT)

        self.master.before = cancel
        self.order(chroot_work())
        self.slave.flush()
        assert self.launcher.runners == []
        assert self.attempt.outcome.state is AttemptState.CANCELLED
