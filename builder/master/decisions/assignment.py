"""The assignment: queued jobs and connected slaves in, assignments out. A pure decision.

First in, first out, as far as channels, architectures and free places allow: a job that no slave can take now does
not hold up those behind it, except for the ones that would change the same package in the same chroot. Of those only
one is under way at a time, and they go in their order.
"""

from collections.abc import Collection, Iterable, Sequence

from builder.model import Value

ANY = "noarch"
"""The architecture of a job that any slave can take."""

Claim = tuple[int, str]
"""A package, by its row, in a chroot: only one job may be at work on it."""


class Waiting(Value, frozen=True, kw_only=True):
    """A queued job.

    `fence` is how often it was begun. `chroots` are those whose repositories would get the result, none for a source
    job; `avoid` are the slaves that it goes to only if there is no other, and, while it is `patient`, not even then.
    """

    job: int
    fence: int = 0
    package: int
    channel: str
    architecture: str
    chroots: tuple[str, ...] = ()
    avoid: frozenset[str] = frozenset()
    patient: bool = False

    @property
    def claims(self) -> frozenset[Claim]:
        """The claims of the job, which no other job may be at work on meanwhile."""
        return frozenset((self.package, chroot) for chroot in self.chroots)


class Offer(Value, frozen=True, kw_only=True):
    """A connected slave, even a busy one; `free` is how many more attempts it takes now, not more than 0 for none."""

    slave: str
    channels: frozenset[str]
    architectures: frozenset[str]
    free: int

    def suits(self, channel: str, architecture: str) -> bool:
        """Tell if the slave, once it is free, takes a job of this channel and architecture."""
        return channel in self.channels and (architecture == ANY or architecture in self.architectures)


class Assignment(Value, frozen=True, kw_only=True):
    """An assignment: this job, as it was when it had been begun `fence` times, goes to this slave."""

    job: int
    fence: int
    slave: str


def assignments(
    jobs: Iterable[Waiting], offers: Sequence[Offer], taken: Collection[Claim] = ()
) -> tuple[Assignment, ...]:
    """Give jobs to slaves: each to the suitable one with the most free places, the first by name among equals.

    Args:
        jobs: The queued jobs, the oldest first; no more of them are taken than there are places for.
        offers: All connected slaves, each once, since a job may rather wait for one that is busy.
        taken: The claims of running and publishing jobs.
    """
    free = {offer.slave: offer.free for offer in offers if offer.free > 0}
    claimed = set(taken)
    suitable: dict[tuple[str, str], frozenset[str]] = {}
    assigned = []
    for job in jobs:
        if not free:
            break
        kind = (job.channel, job.architecture)
        if kind not in suitable:
            suitable[kind] = frozenset(offer.slave for offer in offers if offer.suits(*kind))
        slave = _choice(job, suitable[kind], free) if claimed.isdisjoint(job.claims) else None
        claimed |= job.claims
        if slave is not None:
            assigned.append(Assignment(job=job.job, fence=job.fence, slave=slave))
            free[slave] -= 1
            if not free[slave]:
                del free[slave]
    return tuple(assigned)


def _choice(job: Waiting, suitable: frozenset[str], free: dict[str, int]) -> str | None:
    """Return the slave for a job, None if it rather waits for a slave than takes one that is to be avoided."""
    wanted = suitable - job.avoid
    if not wanted and not job.patient:
        wanted = suitable
    return min(wanted & free.keys(), key=lambda slave: (-free[slave], slave), default=None)
