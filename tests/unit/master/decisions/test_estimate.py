"""How long a batch would take."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.master.decisions.assignment import ANY, Offer
from builder.master.decisions.estimate import Estimate, Work, estimate

NOTHING: frozenset[int] = frozenset()
SECONDS = st.floats(0.0, 1e6)


def offer(free: int, *architectures: str, channel: str = "package") -> Offer:
    """A slave for some architectures, x86_64 unless the test says otherwise."""
    machines = frozenset(architectures or {"x86_64"})
    return Offer(slave="a", channels=frozenset({channel}), architectures=machines, free=free)


def source(seconds: float | None = 1.0) -> Work:
    return Work("package", ANY, seconds)


def job(seconds: float | None, architecture: str = "x86_64") -> Work:
    return Work("package", architecture, seconds)


@pytest.mark.parametrize(
    ("jobs", "needed", "free", "seconds"),
    [
        ({1: 10.0, 2: 20.0}, {1: "", 2: ""}, 2, 20.0),
        ({1: 10.0, 2: 20.0}, {1: "", 2: ""}, 1, 30.0),
        ({1: 10.0, 2: 20.0}, {1: "2", 2: ""}, 2, 30.0),
        ({1: 10.0, 2: 20.0, 3: 50.0}, {1: "2", 2: "", 3: ""}, 8, 50.0),
        ({1: 10.0, 2: None, 3: 30.0}, {1: "", 2: "", 3: ""}, 1, 60.0),
    ],
    ids=["side by side", "one after the other", "in a chain", "the longest chain", "never built"],
)
def test_time_for_jobs(jobs: Mapping[int, float | None], needed: Mapping[int, str], free: int, seconds: float) -> None:
    """The longest chain, or all work on all places; what was never built takes as long as the others do."""
    work = {key: job(lasting) for key, lasting in jobs.items()}
    graph = {key: frozenset(map(int, own)) for key, own in needed.items()}
    assert estimate([source(0.0)], work, graph, [offer(free)]) == Estimate(seconds)


def test_sources_come_first() -> None:
    """All of them, on any slave, before the first job."""
    sources, jobs = [source(4.0), source(6.0), source(None)], {1: job(10.0)}
    assert estimate(sources, jobs, {1: NOTHING}, [offer(1), offer(1, "aarch64")]) == Estimate(17.5)


def test_the_busiest_architecture_counts() -> None:
    """Many places for another one do not help."""
    jobs = {key: job(10.0, "aarch64") for key in range(4)}
    offers = [offer(20), offer(2, "aarch64")]
    assert estimate([source(0.0)], jobs, dict.fromkeys(jobs, NOTHING), offers) == Estimate(20.0)


@pytest.mark.parametrize(
    ("work", "offers", "lacking"),
    [
        (job(1.0), [], "no slave is connected for the channel package"),
        (job(1.0), [offer(1, channel="image")], "no slave is connected for the channel package"),
        (job(1.0, "aarch64"), [offer(1)], "no slave builds aarch64 for the channel package"),
        (job(None), [offer(1)], "nothing like it was ever built"),
    ],
)
def test_why_there_is_no_estimate(work: Work, offers: list[Offer], lacking: str) -> None:
    """In words."""
    assert estimate([source()], {1: work}, {1: NOTHING}, offers) == Estimate(None, lacking)


@given(st.lists(SECONDS, min_size=1, max_size=9), st.integers(1, 9))
def test_more_places_never_take_longer(lasting: list[float], free: int) -> None:
    """And it is never less than the longest job, nor more than all of them one after the other."""
    jobs = dict(enumerate(map(job, lasting)))
    needed = dict.fromkeys(jobs, NOTHING)
    few, more = (estimate([source(0.0)], jobs, needed, [offer(n)]).seconds for n in (free, free + 1))
    assert few is not None
    assert more is not None
    assert max(lasting) <= more <= few <= sum(lasting) * (1 + 1e-9)
