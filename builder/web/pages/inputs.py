"""The page `/builds/17/inputs`: what a build was made from, in and by."""

from builder.master.builds import Builds
from builder.master.events import Events
from builder.master.inputs import Inputs
from builder.web import answers
from builder.web.answers import Answer
from builder.web.pages.build import AskBuild
from builder.web.pages.templates import Templates
from builder.web.visit import Visit


class InputsPage:
    """The page of a build's inputs."""

    def __init__(self, builds: Builds, provenance: Inputs, events: Events, templates: Templates) -> None:
        self._builds = builds
        self._provenance = provenance
        self._events = events
        self._templates = templates

    async def show(self, asked: AskBuild, _: Visit) -> Answer:
        """Return the page."""
        newest = await self._events.newest()
        build = await self._builds.show(asked.number)
        jobs = await self._provenance.of(build)
        return answers.page(self._templates.render("inputs.html", here="", newest=newest, build=build, jobs=jobs))
