"""The page `/builds/17`: a build with its jobs, their attempts and steps, and its outcome."""

from builder.master.builds import Builds
from builder.master.definitions import Definitions
from builder.master.events import Events
from builder.model import Value
from builder.web import answers
from builder.web.answers import Answer
from builder.web.api.builds import Number
from builder.web.pages.install import installs
from builder.web.pages.templates import Templates
from builder.web.visit import Visit


class AskBuild(Value, frozen=True, kw_only=True):
    """The request for one build."""

    number: Number


class BuildPage:
    """The page of a build."""

    def __init__(self, builds: Builds, definitions: Definitions, events: Events, templates: Templates) -> None:
        self._builds = builds
        self._definitions = definitions
        self._events = events
        self._templates = templates

    async def show(self, asked: AskBuild, visit: Visit) -> Answer:
        """Return the page, which the script keeps up to date until the build is finished."""
        newest = await self._events.newest()
        build = await self._builds.show(asked.number)
        project = await self._definitions.project(build.project)
        body = self._templates.render(
            "build.html",
            here="",
            newest=newest,
            build=build,
            installs=installs(build, project.first_stage, visit.origin),
        )
        return answers.page(body)
