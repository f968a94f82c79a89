from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from builder.clock import background, deferred, sleep, started
from tests.support.distribution import ROOT


def test_the_wall_clock_is_read_by_entry_points_alone() -> None:
    """All others are given the time; a runner, a process of its own, stamps its records and removes old folders."""
    words = ("time.time", "datetime.now", "utcnow", "datetime.today", "time_ns(", "localtime(", "gmtime(")
    texts = {str(path.relative_to(ROOT / "builder")): path.read_text() for path in (ROOT / "builder").rglob("*.py")}
    readers = {path for path, text in texts.items() if any(word in text for word in words)}
    assert readers == {"cli/main.py", "cli/daemons.py", "attempt/records.py", "attempt/kept.py"}


class SleepTests(SynchronousTestCase):
    """`sleep` with a clock that the test advances."""

    def test_comes_back_in_time(self) -> None:
        """It comes back after its seconds, and not before."""
        clock = Clock()
        slept = deferred(sleep(clock, 10))
        clock.advance(9.9)
        self.assertNoResult(slept)
        clock.advance(0.1)
        assert self.successResultOf(slept) is None

    def test_cancelled(self) -> None:
        """A cancelled sleep leaves no timer behind."""
        clock = Clock()
        slept = deferred(sleep(clock, 10))
        slept.cancel()
        self.failureResultOf(slept, CancelledError)
        assert clock.getDelayedCalls() == []


class WorkTests(SynchronousTestCase):
    """Work that is started and not awaited where it is started."""

    async def _broken(self) -> None:
        raise KeyError("spec")

    async def _after(self, waited: Deferred[int]) -> int:
        return await waited + 1

    def test_deferred_is_started(self) -> None:
        """A coroutine as a Deferred has run as far as it can, and gives its result."""
        waited: Deferred[int] = Deferred()
        result = deferred(self._after(waited))
        self.assertNoResult(result)
        waited.callback(16)
        assert self.successResultOf(result) == 17

    def test_deferred_stays(self) -> None:
        """A Deferred is taken as it is."""
        waited = succeed(1)
        assert deferred(waited) is waited

    def test_started_tells_the_end(self) -> None:
        """The Deferred of started work fires when the work has ended."""
        waited: Deferred[int] = Deferred()
        ended = started("Waiting", self._after(waited))
        self.assertNoResult(ended)
        waited.callback(1)
        assert self.successResultOf(ended) is None

    def test_failure_of_started_work_is_logged(self) -> None:
        """Work that fails is logged, and its end is an end like any other."""
        ended = started("Parsing", self._broken())
        assert self.successResultOf(ended) is None
        (failure,) = self.flushLoggedErrors(KeyError)
        assert failure.value.args == ("spec",)

    def test_failure_in_the_background_is_logged(self) -> None:
        """Nobody waits, but the failure is not lost."""
        background("Parsing", self._broken())
        assert len(self.flushLoggedErrors(KeyError)) == 1
