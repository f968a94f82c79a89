from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from builder.master.bell import Bell


class BellTests(SynchronousTestCase):
    """The bell wakes whoever waits."""

    def test_a_ring_wakes_all_who_wait(self) -> None:
        """Everyone is woken by one ring, and by one only."""
        bell = Bell()
        first, second = bell.wait(), bell.wait()
        bell.ring()
        self.successResultOf(first)
        self.successResultOf(second)
        bell.ring()

    def test_nobody_hears_an_earlier_ring(self) -> None:
        """Waiting is for the next ring, so it begins before reading."""
        bell = Bell()
        bell.ring()
        assert not bell.wait().called

    def test_waiting_again_while_being_woken_is_for_the_next_ring(self) -> None:
        """A waiter that waits again at once does not make the bell ring for ever."""
        bell = Bell()
        waits: list[Deferred[None]] = []

        def again(_: object) -> None:
            waits.append(bell.wait().addCallback(again))

        again(None)
        bell.ring()
        assert [wait.called for wait in waits] == [True, False]
        bell.ring()
        assert [wait.called for wait in waits] == [True, True, False]

    def test_whoever_stops_waiting_is_forgotten(self) -> None:
        """A cancelled wait fails as cancelled, leaves the others waiting and nothing behind."""
        bell = Bell()
        gone, stays = bell.wait(), bell.wait()
        gone.cancel()
        self.failureResultOf(gone, CancelledError)
        bell.ring()
        self.successResultOf(stays)

    def test_a_waiter_that_fails_harms_nobody(self) -> None:
        """What a waiter does after it was woken is its own affair."""
        bell = Bell()
        broken = bell.wait().addCallback(lambda _: 1 // 0)
        other = bell.wait()
        bell.ring()
        self.failureResultOf(broken, ZeroDivisionError)
        self.successResultOf(other)
