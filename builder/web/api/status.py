"""The status of the farm, for programs that watch over it."""

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
    """The request for the status."""


class Capacity(Value, frozen=True, kw_only=True):
    """The capacity of the slaves together: `busy` of `capacity` places of those that are `connected` are taken."""

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
    """Return the capacity of these slaves together; those that are away have none."""
    every = tuple(slaves)
    there = tuple(slave for slave in every if slave.connected)
    return Capacity(
        slaves=len(every),
        connected=len(there),
        capacity=sum(slave.capacity for slave in there),
        busy=sum(slave.busy for slave in there),
    )


class StatusApi:
    """The routes `/api/v1/status`, and `/livez` and `/readyz` as load balancers and supervisors ask them."""

    def __init__(self, builds: Builds, slaves: Slaves, events: Events) -> None:
        self._builds = builds
        self._slaves = slaves
        self._events = events

    async def show(self, _: AskStatus, __: Visit) -> Status:
        """Return the farm in numbers."""
        return Status(
            version=__version__,
            event=await self._events.newest(),
            jobs=await self._builds.unfinished_jobs(),
            slaves=capacity_of(await self._slaves.listing()),
        )

    async def live(self, _: AskStatus, __: Visit) -> Answer:
        """Answer that the process answers."""
        return answers.text("ok\n")

    async def ready(self, _: AskStatus, __: Visit) -> Answer:
        """Answer that the process and its database answer; otherwise this fails like every other route."""
        await self._events.newest()
        return answers.text("ok\n")
