"""How the farm is, for programs that watch over it."""

from collections.abc import Iterable

from builder import __version__
from builder.master.builds import Builds
from builder.master.events import Events
from builder.master.slaves import Slaves
from builder.model import Value
from builder.model.job import JobState
from builder.model.slave import Slave
from builder.web import answers
from builder.web.answers import Answer
from builder.web.visit import Visit


class AskStatus(Value, frozen=True, kw_only=True):
    """How are you?"""


class Capacity(Value, frozen=True, kw_only=True):
    """What the slaves can do together: `busy` of `capacity` places of those that are `connected` are taken."""

    slaves: int
    connected: int
    capacity: int
    busy: int


class Status(Value, frozen=True, kw_only=True):
    """The farm in numbers; `jobs` counts the unfinished ones by state, `event` is the newest one's number."""

    version: str
    event: int
    jobs: dict[JobState, int]
    slaves: Capacity


def capacity_of(slaves: Iterable[Slave]) -> Capacity:
    """What these slaves can do together; those that are away can do nothing."""
    every = tuple(slaves)
    there = tuple(slave for slave in every if slave.connected)
    return Capacity(
        slaves=len(every),
        connected=len(there),
        capacity=sum(slave.capacity for slave in there),
        busy=sum(slave.busy for slave in there),
    )


class StatusApi:
    """`/api/v1/status`, and `/livez` and `/readyz` as load balancers and supervisors ask them."""

    def __init__(self, builds: Builds, slaves: Slaves, events: Events) -> None:
        self._builds = builds
        self._slaves = slaves
        self._events = events

    async def show(self, _: AskStatus, __: Visit) -> Status:
        """The farm in numbers."""
        return Status(
            version=__version__,
            event=await self._events.newest(),
            jobs=await self._builds.unfinished_jobs(),
            slaves=capacity_of(await self._slaves.listing()),
        )

    async def live(self, _: AskStatus, __: Visit) -> Answer:
        """The process answers."""
        return answers.text("ok\n")

    async def ready(self, _: AskStatus, __: Visit) -> Answer:
        """The process answers and so does its database; otherwise this fails like every other route."""
        await self._events.newest()
        return answers.text("ok\n")
