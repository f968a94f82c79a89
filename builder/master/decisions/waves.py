"""Waves: the order in which a batch is built, its jobs that wait for others, and those that can never begin. Pure.

A job needs another one if that publishes, to where this one looks, what this one requires. Requirements are compared
by name alone: only when a package is installed is it known for sure if its version fits. To wait for one that does
not fit costs time, while not to wait for one that does builds against an outdated one. If several provide a name, all
are waited for, since dnf takes the one it likes.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import TypeVar

from builder.model import Value

T = TypeVar("T")

Needs = Mapping[int, frozenset[int]]
"""Keys of the jobs of a batch that have to be there before a job, by its key; all of them are keys themselves."""


class Member(Value, frozen=True, kw_only=True):
    """A job of a batch.

    It looks for what it requires `at` one place, and what it provides is `published` at some.
    """

    key: int
    at: str
    published: frozenset[str]
    requires: frozenset[str]
    provides: frozenset[str]


def needs(members: Collection[Member]) -> dict[int, frozenset[int]]:
    """Return the needs of each member; nobody needs itself."""
    wanted: frozenset[str] = frozenset().union(*(member.requires for member in members))
    providers: dict[str, list[Member]] = defaultdict(list)
    for member in members:
        for name in member.provides & wanted:
            providers[name].append(member)
    return {
        member.key: frozenset(
            other.key
            for name in member.requires
            for other in providers.get(name, ())
            if member.at in other.published and other.key != member.key
        )
        for member in members
    }


def waves(needed: Needs) -> tuple[tuple[int, ...], ...]:
    """Return the jobs that can begin at once, those that can begin after them, and so on.

    A job that needs itself by way of others is left out.
    """
    users = _users(needed)
    missing = {key: len(own) for key, own in needed.items()}
    wave = sorted(key for key, count in missing.items() if count == 0)
    found = []
    while wave:
        found.append(tuple(wave))
        met = Counter(user for key in wave for user in users[key])
        for user, count in met.items():
            missing[user] -= count
        wave = sorted(user for user in met if missing[user] == 0)
    return tuple(found)


def reduced(needed: Needs) -> dict[int, frozenset[int]]:
    """Return the same order by as few needs as possible: the needs of one that is needed go without saying.

    Nothing may need itself, even by way of others.
    """
    order = [key for wave in waves(needed) for key in wave]
    place = {key: number for number, key in enumerate(order)}
    before: dict[int, int] = {}  # by its key, all that goes before a job, as a set of bits by their places
    left = {}
    for key in order:
        covered, kept = 0, []
        for other in sorted(needed[key], key=place.__getitem__, reverse=True):
            if not covered >> place[other] & 1:
                kept.append(other)
                covered |= before[other] | 1 << place[other]
        before[key] = covered
        left[key] = frozenset(kept)
    return left


def loops(needed: Needs) -> dict[int, tuple[int, ...]]:
    """Return, for each job that can never begin, the loop that it is in or needs.

    A loop has keys that need each other, the last the first.
    """
    free = {key for wave in waves(needed) for key in wave}
    stuck = {key: min(own - free) for key, own in needed.items() if key not in free}
    found: dict[int, tuple[int, ...]] = {}
    for start in sorted(stuck):
        path: dict[int, None] = {}
        key = start
        while key not in found and key not in path:
            path[key] = None
            key = stuck[key]
        loop = found.get(key) or _from_its_least(tuple(path)[tuple(path).index(key) :])
        found.update(dict.fromkeys(path, loop))
    return found


def stopped(needed: Needs, causes: Mapping[int, T]) -> dict[int, T]:
    """Return the jobs that need one of `causes`, directly or not, and the nearest of them.

    The causes themselves are left out.
    """
    users = _users(needed)
    reached = dict(causes)
    following = sorted(causes)
    for key in following:  # which grows meanwhile
        for user in users[key]:
            if user not in reached:
                reached[user] = reached[key]
                following.append(user)
    return {key: cause for key, cause in reached.items() if key not in causes}


def named(loop: Iterable[str]) -> str:
    """Return a loop in words."""
    return " → ".join(loop)


def _users(needed: Needs) -> dict[int, list[int]]:
    """Return the keys of the jobs that need each job, by its key."""
    users: dict[int, list[int]] = {key: [] for key in needed}
    for key in sorted(needed):
        for other in needed[key]:
            users[other].append(key)
    return users


def _from_its_least(loop: tuple[int, ...]) -> tuple[int, ...]:
    start = loop.index(min(loop))
    return (*loop[start:], *loop[:start], loop[start])
