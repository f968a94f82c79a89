"""Inputs of builds over the API."""

from builder.master.builds import Builds
from builder.master.inputs import Inputs
from builder.model.inputs import JobInputs
from builder.web.api.builds import ShowBuild
from builder.web.visit import Visit


class InputsApi:
    """The routes `/api/v1/builds/N/inputs`."""

    def __init__(self, builds: Builds, provenance: Inputs) -> None:
        self._builds = builds
        self._provenance = provenance

    async def show(self, asked: ShowBuild, _: Visit) -> tuple[JobInputs, ...]:
        """Return the inputs of each job of a build that has succeeded."""
        return await self._provenance.of(await self._builds.show(asked.number))
