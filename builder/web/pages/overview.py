"""The page `/`: what is under way, and the newest builds; `/?before=17` goes on with older ones."""

from builder.master.builds import Builds
from builder.master.events import Events
from builder.master.slaves import Slaves
from builder.model import Value
from builder.model.attempt import Attempt
from builder.model.build import Build
from builder.model.job import Job, JobState
from builder.web import answers
from builder.web.answers import Answer
from builder.web.api.builds import Number
from builder.web.api.status import capacity_of
from builder.web.pages.templates import Templates
from builder.web.visit import Visit

_SHOWN = 50
_UNDER_WAY = (JobState.PUBLISHING, JobState.RUNNING, JobState.QUEUED)
"""The states of jobs that stand above the builds, in this order; one that waits for another job is not next."""


class AskOverview(Value, frozen=True, kw_only=True):
    """The request for the newest builds, or those older than one."""

    before: Number | None = None


class OverviewPage:
    """The page of the newest builds."""

    def __init__(self, builds: Builds, slaves: Slaves, events: Events, templates: Templates) -> None:
        self._builds = builds
        self._slaves = slaves
        self._events = events
        self._templates = templates

    async def show(self, asked: AskOverview, _: Visit) -> Answer:
        """Return the page of the newest builds with what is under way, or a page of older builds."""
        newest = await self._events.newest()  # first: what happens from here on is told to the page
        builds = await self._builds.listing(limit=_SHOWN + 1, before=asked.before)
        first = asked.before is None
        body = self._templates.render(
            "overview.html",
            here="/",
            newest=newest if first else None,
            builds=builds[:_SHOWN],
            older=builds[_SHOWN - 1].number if len(builds) > _SHOWN else None,
            queue=_queue(await self._builds.unfinished()) if first else (),
            sum=capacity_of(await self._slaves.listing()),
        )
        return answers.page(body)


def _queue(builds: tuple[Build, ...]) -> list[tuple[Build, Job, Attempt | None]]:
    """Return the jobs under way with their newest attempts: those about to end first."""
    jobs = [(build, job) for build in builds for job in build.jobs if job.state in _UNDER_WAY]
    jobs.sort(key=lambda pair: (_UNDER_WAY.index(pair[1].state), pair[0].number))
    return [(build, job, job.attempt()) for build, job in jobs]
