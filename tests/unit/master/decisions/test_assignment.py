"""Who builds what."""

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from builder.master.decisions.assignment import ANY, Assignment, Offer, Waiting, assignments

CHROOT = "fedora-43-x86_64"
SLAVES = ("a", "b", "c")
CHANNELS = ("package", "image")
ARCHITECTURES = ("x86_64", "aarch64")


def job(number: int, package: int | None = None, **values: Any) -> Waiting:
    """A chroot job of a package of its own, unless the test says otherwise."""
    usual: dict[str, Any] = {"channel": "package", "architecture": "x86_64", "chroots": (CHROOT,)}
    return Waiting(job=number, package=number if package is None else package, **(usual | values))


def offer(slave: str, free: int = 1, **values: Any) -> Offer:
    """A slave that takes packages for x86_64, unless the test says otherwise."""
    usual: dict[str, Any] = {"channels": frozenset({"package"}), "architectures": frozenset({"x86_64"})}
    return Offer(slave=slave, free=free, **(usual | values))


def pairs(assigned: tuple[Assignment, ...]) -> list[tuple[int, str]]:
    """As (job, slave)."""
    return [(one.job, one.slave) for one in assigned]


def test_first_in_first_out() -> None:
    """When there are fewer places than jobs, the oldest jobs get them."""
    assert pairs(assignments([job(1), job(2), job(3)], [offer("a", 2)])) == [(1, "a"), (2, "a")]


def test_the_emptiest_slave_is_preferred() -> None:
    """Jobs spread: each goes to the slave with the most free places, by name among equals."""
    jobs = [job(number) for number in range(1, 6)]
    assigned = assignments(jobs, [offer("b", 1), offer("a", 1), offer("c", 3)])
    assert pairs(assigned) == [(1, "c"), (2, "c"), (3, "a"), (4, "b"), (5, "c")]


def test_channel_and_architecture_must_fit() -> None:
    """A slave gets nothing that it does not subscribe to, and what nobody takes holds up nobody else."""
    jobs = [job(1, channel="image"), job(2, architecture="aarch64"), job(3)]
    assert pairs(assignments(jobs, [offer("a", 3)])) == [(3, "a")]


def test_any_slave_takes_a_source_job() -> None:
    """What has no architecture goes to any slave of its channel."""
    arm = offer("arm", architectures=frozenset({"aarch64"}))
    assert pairs(assignments([job(1, architecture=ANY, chroots=())], [arm])) == [(1, "arm")]


def test_one_job_at_a_time_per_package_and_chroot() -> None:
    """Of two queued jobs for the same package and chroot only the older goes, and none while one is under way."""
    jobs = [job(1, package=7), job(2, package=7), job(3, package=8)]
    assert pairs(assignments(jobs, [offer("a", 9)])) == [(1, "a"), (3, "a")]
    assert pairs(assignments(jobs, [offer("a", 9)], {(7, CHROOT)})) == [(3, "a")]


def test_all_chroots_that_a_job_serves_count() -> None:
    """A noarch job for two chroots and a job for the second of them exclude each other."""
    both = job(1, package=7, chroots=(CHROOT, "fedora-43-aarch64"))
    second = job(2, package=7, architecture="aarch64", chroots=("fedora-43-aarch64",))
    arm = offer("arm", architectures=frozenset(ARCHITECTURES))
    assert pairs(assignments([both, second], [offer("a"), arm])) == [(1, "a")]


def test_jobs_of_one_package_keep_their_order() -> None:
    """A younger job does not overtake an older one that cannot go yet, or the older result would come last."""
    jobs = [job(1, package=7, channel="image"), job(2, package=7)]
    assert assignments(jobs, [offer("a", 9)]) == ()


def test_a_slave_that_broke_the_job_is_avoided() -> None:
    """It waits for another suitable slave even if that is busy, and only goes back when there is no other at all."""
    shy = job(1, avoid=frozenset({"a"}))
    assert pairs(assignments([shy], [offer("a", 9), offer("b")])) == [(1, "b")]
    assert assignments([shy], [offer("a", 9), offer("b", 0)]) == ()
    assert pairs(assignments([shy], [offer("a", 9)])) == [(1, "a")]
    assert assignments([job(1, avoid=frozenset({"a"}), patient=True)], [offer("a", 9)]) == ()
    other = offer("b", architectures=frozenset({"aarch64"}))
    assert pairs(assignments([shy], [offer("a", 9), other])) == [(1, "a")]


jobs_of_any_kind = st.lists(
    st.builds(
        Waiting,
        job=st.integers(1, 30),
        package=st.integers(1, 4),
        channel=st.sampled_from(CHANNELS),
        architecture=st.sampled_from((ANY, *ARCHITECTURES)),
        chroots=st.lists(st.sampled_from(("p", "q", "r")), max_size=2, unique=True).map(tuple),
        avoid=st.frozensets(st.sampled_from(SLAVES)),
    ),
    max_size=30,
    unique_by=lambda one: one.job,
)
some_places = st.lists(
    st.builds(
        Offer,
        slave=st.sampled_from(SLAVES),
        channels=st.frozensets(st.sampled_from(CHANNELS)),
        architectures=st.frozensets(st.sampled_from(ARCHITECTURES)),
        free=st.integers(-1, 5),
    ),
    max_size=3,
    unique_by=lambda one: one.slave,
)
some_claims = st.sets(st.tuples(st.integers(1, 4), st.sampled_from(("p", "q", "r"))))


@given(jobs_of_any_kind, some_places, some_claims)
def test_nothing_is_ever_overfilled(jobs: list[Waiting], offers: list[Offer], taken: set[tuple[int, str]]) -> None:
    """No slave gets more than it has room for, nor anything that it does not take, and no claim is broken."""
    assigned = assignments(jobs, offers, taken)
    by_number, by_name = {one.job: one for one in jobs}, {one.slave: one for one in offers}
    assert len({one.job for one in assigned}) == len(assigned)
    for slave, count in Counter(one.slave for one in assigned).items():
        assert count <= by_name[slave].free
    claims = [claim for one in assigned for claim in by_number[one.job].claims]
    assert len(set(claims)) == len(claims)
    assert taken.isdisjoint(claims)
    for one in assigned:
        waiting, slave_of_it = by_number[one.job], by_name[one.slave]
        assert waiting.channel in slave_of_it.channels
        assert waiting.architecture in {ANY, *slave_of_it.architectures}


@given(jobs_of_any_kind, some_places)
def test_no_place_stays_empty_for_no_reason(jobs: list[Waiting], offers: list[Offer]) -> None:
    """Where a slave has room left, each job that it takes was given away, prefers another, or waits for its turn."""
    assigned = {one.job: one.slave for one in assignments(jobs, offers)}
    left = {one.slave: one.free - list(assigned.values()).count(one.slave) for one in offers}
    seen: set[tuple[int, str]] = set()
    for waiting in jobs:
        blocked = not seen.isdisjoint(waiting.claims)
        seen |= waiting.claims
        takers = {
            slave.slave
            for slave in offers
            if waiting.channel in slave.channels and waiting.architecture in {ANY, *slave.architectures}
        }
        for slave in (takers - waiting.avoid) or takers:
            assert waiting.job in assigned or blocked or left[slave] <= 0
