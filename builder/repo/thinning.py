"""The thinning of older generations: which of them can still be read."""

from collections.abc import Collection, Iterable

from builder.repo.manifest import Past

GRACE = 24 * 3600.0
"""Seconds for which every generation can be read after another one has taken its place."""
DAILY = 14 * 24 * 3600.0
"""Seconds more for which one generation of each day can be read: the last that was current on it, by UTC."""
_DAY = 24 * 3600.0


def readable(past: Iterable[Past], pinned: Collection[int], now: float) -> tuple[Past, ...]:
    """Return those of the generations `past`, the oldest first, that stay: young, the last of a day, or pinned."""
    generations = tuple(past)
    last_of_day = {_day(one): one.generation for one in generations}
    return tuple(one for one in generations if one.generation in pinned or _stays(one, last_of_day, now))


def _stays(past: Past, last_of_day: dict[int, int], now: float) -> bool:
    age = now - past.until
    return age < GRACE or (age < GRACE + DAILY and last_of_day[_day(past)] == past.generation)


def _day(past: Past) -> int:
    """Return the days since the epoch."""
    return int(past.until // _DAY)
