"""The estimate of a batch's time, from how long its jobs took before, and the places of connected slaves. Pure.

A batch ends neither before the longest chain of jobs that need each other, nor before all of its work has had a
place. The longer of the two is said: slaves begin a job within milliseconds, so that little is lost between the jobs.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from statistics import median
from typing import NamedTuple

from builder.master.decisions.assignment import ANY, Offer
from builder.master.decisions.waves import Needs, waves


class Work(NamedTuple):
    """A job to come: who may take it, and how many seconds it took before, if it was ever done."""

    channel: str
    architecture: str
    seconds: float | None


class Estimate(NamedTuple):
    """The seconds, or the reason why nothing can be said."""

    seconds: float | None
    lacking: str = ""


def estimate(sources: Iterable[Work], jobs: Mapping[int, Work], needed: Needs, offers: Iterable[Offer]) -> Estimate:
    """Return the time until all sources are made, and after that all jobs, of which some need others.

    A job that was never done takes as long as the others of its kind do at the median.
    """
    sources, offers = tuple(sources), tuple(offers)
    for work in (*sources, *jobs.values()):
        if not _slots(work, offers):
            takers = f"builds {work.architecture}" if work.architecture != ANY else "is connected"
            return Estimate(None, f"no slave {takers} for the channel {work.channel}")
    source, job = _usual(sources), _usual(jobs.values())
    if (sources and source is None) or (jobs and job is None):
        return Estimate(None, "nothing like it was ever built")
    lasting = {key: _lasting(work, job) for key, work in jobs.items()}
    longest = max((_lasting(work, source) for work in sources), default=0.0)
    first = max(longest, _load(((work, _lasting(work, source)) for work in sources), offers))
    chain = _chain(lasting, needed)
    return Estimate(first + max(chain, _load(((jobs[key], seconds) for key, seconds in lasting.items()), offers)))


def _usual(work: Iterable[Work]) -> float | None:
    known = [one.seconds for one in work if one.seconds is not None]
    return median(known) if known else None


def _lasting(work: Work, usual: float | None) -> float:
    return work.seconds if work.seconds is not None else usual or 0.0


def _slots(work: Work, offers: Iterable[Offer]) -> int:
    """Return the number of places for such work; `free` is what a slave takes at all."""
    return sum(offer.free for offer in offers if offer.suits(work.channel, work.architecture))


def _load(work: Iterable[tuple[Work, float]], offers: tuple[Offer, ...]) -> float:
    """Return the seconds of all work if every place is always used: of the busiest kind, or of all together."""
    kinds: dict[Work, float] = defaultdict(float)
    for one, seconds in work:
        kinds[one._replace(seconds=None)] += seconds
    every = sum(offer.free for offer in offers)
    return max([sum(kinds.values()) / every, *(total / _slots(kind, offers) for kind, total in kinds.items())])


def _chain(lasting: Mapping[int, float], needed: Needs) -> float:
    """Return the seconds of the longest chain of jobs that wait for each other."""
    ends: dict[int, float] = {}
    for wave in waves(needed):
        for key in wave:
            ends[key] = lasting[key] + max((ends[other] for other in needed[key]), default=0.0)
    return max(ends.values(), default=0.0)
