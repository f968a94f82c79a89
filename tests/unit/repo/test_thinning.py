"""Which generations stay is seen from when they were replaced, and by whom they are pinned."""

from hypothesis import given
from hypothesis import strategies as st

from builder.repo.manifest import Past
from builder.repo.thinning import DAILY, GRACE, readable

DAY = 86400.0


def _past(*untils: float) -> tuple[Past, ...]:
    return tuple(Past(generation=number, until=until) for number, until in enumerate(untils, start=1))


def _stay(past: tuple[Past, ...], now: float, *pinned: int) -> list[int]:
    return [one.generation for one in readable(past, pinned, now)]


def test_all_stay_for_a_day() -> None:
    """However many were made, each can be read for 24 hours after it was replaced."""
    past = _past(*(10 * DAY + minute * 60 for minute in range(60)))
    assert _stay(past, 10 * DAY + GRACE - 1) == [one.generation for one in past]


def test_then_the_last_of_each_day_stays_for_two_weeks() -> None:
    """After 24 hours the last generation of a day is left of it, and after two weeks more nothing."""
    past = _past(10 * DAY, 10.5 * DAY, 10.9 * DAY, 11 * DAY, 11.1 * DAY)
    assert _stay(past, 12.2 * DAY) == [3, 5]
    assert _stay(past, 10.9 * DAY + GRACE + DAILY - 1) == [3, 5]
    assert _stay(past, 10.9 * DAY + GRACE + DAILY) == [5]
    assert _stay(past, 11.1 * DAY + GRACE + DAILY) == []


def test_a_pinned_generation_stays() -> None:
    """A pin keeps a generation, however old it is and however many there were on its day."""
    past = _past(1 * DAY, 1.1 * DAY, 1.2 * DAY)
    assert _stay(past, 1000 * DAY, 2) == [2]


@given(st.lists(st.floats(0, 30 * DAY), max_size=40), st.lists(st.floats(0, 40 * DAY), max_size=8))
def test_looking_more_often_changes_nothing(untils: list[float], looks: list[float]) -> None:
    """What stays depends on the time alone, not on when somebody has looked before."""
    past = _past(*sorted(untils))
    now = 40 * DAY
    seen = past
    for look in sorted(looks):
        seen = readable(seen, (), look)
    if not untils or not looks or min(looks) >= max(untils):
        assert readable(seen, (), now) == readable(past, (), now)
