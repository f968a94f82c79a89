from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from builder.clock import deferred
from builder.master.lease import Leases
from tests.support.store import answer


def test_a_slave_that_comes_and_goes_while_it_is_given_up_is_given_up_anew() -> None:
    """Its new silence counts, whatever becomes of the old one."""
    clock, lost, writing = Clock(), list[str](), Deferred[None]()

    async def lose(slave: str, _: float) -> None:
        lost.append(slave)
        if len(lost) == 1:
            await writing

    leases = Leases(clock, 20, 10, lose)
    leases.begin(["a"])
    clock.advance(31)
    looking = deferred(leases.look())
    leases._silent_since["a"] = clock.seconds()  # as `heard` and `parted` leave it
    writing.callback(None)
    answer(looking)
    for _ in range(31):
        clock.advance(1)
        answer(deferred(leases.look()))
    assert lost == ["a", "a"]
