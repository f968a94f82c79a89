"""In which order a batch is built."""

from collections.abc import Mapping
from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from builder.master.decisions.waves import Member, loops, named, needs, reduced, stopped, waves

PLACE, ELSEWHERE = "hello/fedora-43-x86_64", "hello/fedora-43-aarch64"
NAMES = st.frozensets(st.sampled_from("abcdef"), max_size=3)
MEMBERS = st.lists(
    st.builds(
        Member,
        key=st.integers(0, 99),
        at=st.sampled_from([PLACE, ELSEWHERE]),
        published=st.frozensets(st.sampled_from([PLACE, ELSEWHERE]), max_size=2),
        requires=NAMES,
        provides=NAMES,
    ),
    unique_by=lambda member: member.key,
    max_size=12,
)
GRAPHS = MEMBERS.map(needs)


def member(key: int, requires: str = "", provides: str = "", at: str = PLACE, *published: str) -> Member:
    """A job that publishes to where it is built, unless the test says otherwise."""
    names = frozenset(requires.split()), frozenset(provides.split())
    return Member(key=key, at=at, published=frozenset(published or {at}), requires=names[0], provides=names[1])


def graph(**needed: str) -> dict[int, frozenset[int]]:
    """By a letter, the letters that it needs."""
    return {ord(key): frozenset(map(ord, own)) for key, own in needed.items()}


def letters(keys: Mapping[int, object] | tuple[int, ...] | frozenset[int]) -> str:
    """Keys as letters."""
    return "".join(map(chr, keys))


def reached(needed: Mapping[int, frozenset[int]], key: int) -> set[int]:
    """All that a job needs, directly or not; the plain way."""
    found: set[int] = set()
    left = set(needed[key])
    while left:
        found |= left
        left = set().union(*(needed[other] for other in left)) - found
    return found


def test_a_job_needs_what_publishes_what_it_requires_where_it_looks() -> None:
    """A name is enough, the place has to be its own, and nobody needs itself."""
    members = [
        member(1, "", "lib lib-devel"),
        member(2, "lib-devel cc app", "app"),
        member(3, "lib-devel", "", ELSEWHERE),
        member(4, "", "lib-devel", PLACE, PLACE, ELSEWHERE),
    ]
    assert needs(members) == {1: frozenset(), 2: {1, 4}, 3: {4}, 4: frozenset()}


def test_waves_of_a_diamond() -> None:
    """What needs the same goes together; what waits for both comes after them."""
    assert [letters(wave) for wave in waves(graph(d="bc", b="a", c="a", a=""))] == ["a", "bc", "d"]


def test_a_cycle_is_named_and_what_needs_it_knows_which() -> None:
    """It begins with its least key and ends where it begins; the rest is not concerned."""
    found = loops(graph(a="b", b="c", c="a", d="b", e="", f="e"))
    assert {chr(key): letters(loop) for key, loop in found.items()} == dict.fromkeys("abcd", "abca")
    assert named(letters(found[ord("d")])) == "a → b → c → a"


def test_what_a_failure_stops() -> None:
    """Whoever needs it, directly or not, with the nearest cause; what failed itself is not among them."""
    found = stopped(graph(a="", b="a", c="b", d="", e="cd"), {ord("a"): "a failed", ord("d"): "d failed"})
    assert {chr(key): cause for key, cause in found.items()} == {"b": "a failed", "c": "a failed", "e": "d failed"}


@given(MEMBERS)
def test_needs_are_as_the_plain_definition_says(members: list[Member]) -> None:
    """Every pair, one by one."""
    found = needs(members)
    for user in members:
        for other in members:
            fits = user.at in other.published and user.requires & other.provides and user.key != other.key
            assert (other.key in found[user.key]) == bool(fits)


@given(GRAPHS)
def test_every_job_comes_after_what_it_needs_and_not_later(needed: dict[int, frozenset[int]]) -> None:
    """One that needs nothing is in the first wave, any other in the one after the last that it needs: all at once."""
    wave_of = {key: number for number, wave in enumerate(waves(needed)) for key in wave}
    assert len(wave_of) == sum(map(len, waves(needed)))
    for key, wave in wave_of.items():
        assert wave == max((wave_of[other] + 1 for other in needed[key]), default=0)


@given(GRAPHS)
def test_waves_leave_out_exactly_what_needs_a_cycle(needed: dict[int, frozenset[int]]) -> None:
    """Who can never begin has a loop that it is in, or needs; each step of it is a need."""
    found = loops(needed)
    begun = {key for wave in waves(needed) for key in wave}
    assert found.keys() == needed.keys() - begun
    cyclic = {key for key in needed if key in reached(needed, key)}
    assert found.keys() == {key for key in needed if (reached(needed, key) | {key}) & cyclic}
    for key, loop in found.items():
        assert loop[0] == loop[-1] == min(loop)
        assert len(set(loop)) == len(loop) - 1 >= 2
        assert all(after in needed[before] for before, after in pairwise(loop))
        assert set(loop) <= reached(needed, key)


@given(GRAPHS)
def test_fewer_needs_are_the_same_order(needed: dict[int, frozenset[int]]) -> None:
    """All go before a job that did, and none of the needs that are left could be left out as well."""
    begun = {key for wave in waves(needed) for key in wave}
    free = {key: needed[key] for key in begun}
    fewer = reduced(free)
    assert fewer.keys() == begun
    for key, own in fewer.items():
        assert own <= free[key]
        assert reached(fewer, key) == reached(free, key)
        assert not any(other in reached(fewer, one) for one in own for other in own)


@given(GRAPHS, st.sets(st.integers(0, 99)))
def test_a_failure_stops_exactly_what_needs_it(needed: dict[int, frozenset[int]], failed: set[int]) -> None:
    """Nothing else, and nobody for a cause that it does not need."""
    causes = {key: key for key in failed & needed.keys()}
    found = stopped(needed, causes)
    assert found.keys() == {key for key in needed if reached(needed, key) & causes.keys()} - causes.keys()
    assert all(cause in reached(needed, key) for key, cause in found.items())


@given(MEMBERS, st.randoms())
def test_the_order_in_which_jobs_are_told_does_not_matter(members: list[Member], chance: Random) -> None:
    """Needs, waves, loops and what is stopped are the same."""
    shuffled = list(members)
    chance.shuffle(shuffled)
    one, other = needs(members), needs(shuffled)
    assert one == other
    assert waves(one) == waves(other)
    assert loops(one) == loops(other)
    causes = {member.key: member.key for member in members[:2]}
    assert stopped(one, causes) == stopped(other, causes)
