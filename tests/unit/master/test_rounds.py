"""Rounds of work."""

from collections.abc import Callable

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from builder.clock import deferred
from builder.errors import UnavailableError
from builder.master.bell import Bell
from builder.master.rounds import SLOW, rounds


class Rounds(SynchronousTestCase):
    """Work that is done again and again."""

    @override
    def setUp(self) -> None:
        self.bell, self.clock, self.times = Bell(), Clock(), 0

    def begin(self, work: Callable[[], float | None] = lambda: None) -> None:
        """Begin rounds of `work`."""

        async def one() -> float | None:
            self.times += 1
            return work()

        self.running = deferred(rounds("Working", self.bell, self.clock, one))
        self.addCleanup(self.running.cancel)

    def test_a_round_for_each_ring_and_one_now_and_then(self) -> None:
        """The first comes at once, the next with a ring, and without one after a while."""
        self.begin()
        assert self.times == 1
        self.bell.ring()
        assert self.times == 2
        self.clock.advance(SLOW)
        assert self.times == 3

    def test_rings_during_a_round_make_one_more(self) -> None:
        """Whatever rings while the work is done is looked after by one further round."""

        def ring() -> None:
            if self.times == 1:
                self.bell.ring()
                self.bell.ring()

        self.begin(ring)
        assert self.times == 2

    def test_the_work_may_want_to_be_done_sooner(self) -> None:
        """It says when."""
        self.begin(lambda: 0.5)
        self.clock.advance(0.5)
        assert self.times == 2

    def test_a_failure_ends_one_round(self) -> None:
        """A bug is logged, something unavailable too, and the rounds go on."""

        def fail() -> None:
            if self.times == 1:
                raise ZeroDivisionError
            if self.times == 2:
                raise UnavailableError("the disk is full")

        self.begin(fail)
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1
        self.clock.advance(SLOW)
        self.bell.ring()
        assert self.times == 3

    def test_they_can_be_ended(self) -> None:
        """Nothing is left of them."""
        self.begin()
        self.running.cancel()
        self.successResultOf(self.running)
        self.bell.ring()
        assert self.times == 1
        assert self.clock.getDelayedCalls() == []
