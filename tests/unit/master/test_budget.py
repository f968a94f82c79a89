"""One budget of bytes for all peers."""

import pytest

from builder.master.budget import Budget


class MemoryPeer:
    """A peer that remembers whether it is read."""

    paused = False

    def pause(self) -> None:
        """Not any more."""
        self.paused = True

    def resume(self) -> None:
        """Again."""
        self.paused = False


def states(*peers: MemoryPeer) -> tuple[bool, ...]:
    """Which of them are paused."""
    return tuple(peer.paused for peer in peers)


def test_who_is_over_the_budget_waits() -> None:
    """The peer whose bytes exceed it is paused until half of it is free; others go on."""
    budget, calm, busy = Budget(100), MemoryPeer(), MemoryPeer()
    with budget.spent(calm, 20):
        with budget.spent(busy, 40):
            assert states(calm, busy) == (False, False)
            with budget.spent(busy, 45):
                assert states(calm, busy) == (False, True)
            assert states(calm, busy) == (False, True)
        assert states(calm, busy) == (False, False)
    assert budget.used == 0


def test_a_failure_gives_its_bytes_back() -> None:
    """However the work ends, its bytes do not count any more."""
    budget = Budget(100)
    with pytest.raises(ZeroDivisionError), budget.spent(MemoryPeer(), 50):
        _ = 1 / 0
    assert budget.used == 0
