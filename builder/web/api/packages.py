"""Packages over the API."""

from builder.master.definitions import Definitions
from builder.model import Label, Value
from builder.model.package import PackageSummary
from builder.web.visit import Visit


class ListPackages(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The request for the packages of one project, or of all."""

    project: Label | None = None


class PackagesApi:
    """The routes `/api/v1/packages`."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions

    async def listing(self, asked: ListPackages, _: Visit) -> tuple[PackageSummary, ...]:
        """Return the packages by project and name."""
        return await self._definitions.packages(asked.project)
