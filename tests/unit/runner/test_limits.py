"""How long an attempt may take."""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.model.package import StepTimeouts
from builder.model.step import StepName
from builder.model.work import WorkOrder
from builder.runner.limits import LOOKS, Limits, lasting
from tests.support.orders import order, source_work

START = 1000.0


def limited(timeout: int = 100, silence: int = 50, **steps: int) -> WorkOrder:
    """An order with these limits."""
    wanted = order(source_work(), timeout=timeout)
    return msgspec.structs.replace(wanted, timeouts=StepTimeouts(**steps), silence=silence)


class Log:
    """A log that grows when a test says so."""

    def __init__(self) -> None:
        self.length = 7

    def __call__(self) -> int:
        return self.length


def test_the_whole_is_bounded() -> None:
    """Also when it says something all the time."""
    log = Log()
    limits = Limits(limited(timeout=100), log, START)
    for second in range(100):
        log.length += 1
        assert limits.overdue(START + second) is None
    assert limits.overdue(START + 100) == "it took longer than 1 min 40 s"


def test_a_step_is_bounded_from_its_own_beginning() -> None:
    """The reason names it; a step without a limit has none."""
    limits = Limits(limited(build=10), Log(), START)
    limits.begin_step(StepName.CHROOT, START)
    assert limits.overdue(START + 30) is None
    limits.begin_step(StepName.BUILD, START + 30)
    assert limits.overdue(START + 39) is None
    assert limits.overdue(START + 40) == "the step build took longer than 10 s"


def test_a_step_that_has_ended_is_late_no_more() -> None:
    """Whatever is done between two steps has the limit of neither."""
    limits = Limits(limited(build=10), Log(), START)
    limits.begin_step(StepName.BUILD, START)
    limits.end_step()
    assert limits.overdue(START + 40) is None


def test_silence_is_bounded_from_the_last_byte_on() -> None:
    """Also from the beginning, if none is ever written."""
    log = Log()
    limits = Limits(limited(silence=30), log, START)
    assert limits.overdue(START + 29) is None
    log.length += 1
    assert limits.overdue(START + 29.5) is None
    assert limits.overdue(START + 59) is None
    assert limits.overdue(START + 59.5) == "nothing was written to the log for 30 s"


def test_waiting_for_another_attempt_counts_for_the_whole_alone() -> None:
    """Then the step has what it had left, and silence begins."""
    limits = Limits(limited(timeout=1000, silence=30, build=20), Log(), START)
    limits.begin_step(StepName.BUILD, START)
    limits.pause(START + 15)
    assert limits.overdue(START + 515) is None
    assert limits.wait(START + 515) == 485
    limits.resume(START + 515)
    assert limits.overdue(START + 519) is None
    assert limits.overdue(START + 520) == "the step build took longer than 20 s"
    limits.end_step()
    assert limits.overdue(START + 544) is None
    assert limits.overdue(START + 545) == "nothing was written to the log for 30 s"
    limits.pause(START + 545)
    assert limits.overdue(START + 1000) == "it took longer than 16 min 40 s"


seconds = st.integers(1, 7 * 86400)


@given(seconds, seconds, st.none() | seconds, st.lists(st.booleans(), max_size=50))
def test_whoever_looks_when_told_is_late_by_little(
    timeout: int, silence: int, step: int | None, says: Sequence[bool]
) -> None:
    """Looking again after `wait`, nothing is ended before its time, and nothing later than by one look."""
    log, now = Log(), START
    limits = Limits(limited(timeout, silence, **({} if step is None else {"build": step})), log, now)
    limits.begin_step(StepName.BUILD, now)
    said = now
    for word in [*says, *[False] * (LOOKS + 2)]:
        wait = limits.wait(now)
        assert wait > 0
        if word:
            log.length += 1
            said = now + wait / 2
        now += wait
        reason = limits.overdue(now)
        if reason is not None:
            break
    else:
        pytest.fail("it is never over")
    allowed = {
        f"it took longer than {lasting(timeout)}": START + timeout,
        f"the step build took longer than {lasting(step or 0)}": START + (step or 0),
        f"nothing was written to the log for {lasting(silence)}": said + silence,
    }
    assert -1e-3 <= now - allowed[reason] <= silence / LOOKS + 1e-3


@pytest.mark.parametrize(
    ("limit", "text"),
    [(1, "1 s"), (90, "1 min 30 s"), (1800, "30 min"), (3600, "1 h 0 min"), (90061, "25 h 1 min 1 s")],
)
def test_a_limit_is_told_exactly(limit: int, text: str) -> None:
    """As somebody would say it."""
    assert lasting(limit) == text
