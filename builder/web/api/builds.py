"""Builds over the API."""

from typing import Annotated

import msgspec

from builder.master.builds import Builds
from builder.model import Label, Value
from builder.model.build import Build, BuildRequest
from builder.web.visit import Visit

Number = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]


class ListBuilds(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The request for the newest builds, or those older than the build `before`; of one package, where it is named."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 50
    before: Number | None = None
    package: Label | None = None


class StartBuild(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The request for a new build."""

    body: BuildRequest


class ShowBuild(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The request for a build as it is."""

    number: Number


class Cancellation(Value, frozen=True, kw_only=True):
    """The part of a build that is cancelled: one job, or the whole build."""

    job: Label | None = None


class CancelBuild(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The request to cancel a build, or one of its jobs."""

    number: Number
    body: Cancellation = Cancellation()


class BuildsApi:
    """The routes `/api/v1/builds`."""

    def __init__(self, builds: Builds) -> None:
        self._builds = builds

    async def listing(self, asked: ListBuilds, _: Visit) -> tuple[Build, ...]:
        """Return the builds, newest first."""
        return await self._builds.listing(limit=asked.limit, before=asked.before, package=asked.package)

    async def start(self, asked: StartBuild, visit: Visit) -> Build:
        """Ask for a build in the name of the visitor."""
        return await self._builds.request(asked.body, visit.visitor)

    async def show(self, asked: ShowBuild, _: Visit) -> Build:
        """Return a build with its jobs, attempts and steps."""
        return await self._builds.show(asked.number)

    async def cancel(self, asked: CancelBuild, visit: Visit) -> Build:
        """Cancel in the name of the visitor."""
        return await self._builds.cancel(asked.number, asked.body.job, visit.visitor)
