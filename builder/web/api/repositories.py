"""Repositories over the API: what they hold, and what they have held."""

from functools import partial
from typing import Annotated

import msgspec

from builder.master.delivery import Aside
from builder.model import Label, Value
from builder.model.repository import PackageChange, RepositoryShown, RepositorySummary
from builder.repo.history import History
from builder.web.api.builds import Number
from builder.web.visit import Visit

Name = Annotated[str, msgspec.Meta(max_length=1000)]


class ListRepositories(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The request for the repositories of one project, or all."""

    project: Label | None = None


class ShowRepository(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The request for one repository, with the packages of its current generation or of another one."""

    name: Name
    generation: Number | None = None


class CompareGenerations(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The request for the differences between two generations of a repository."""

    name: Name
    before: Number
    after: Number


class RepositoriesApi:
    """The routes `/api/v1/repositories` and `/api/v1/repository`; the manifests are read in another thread."""

    def __init__(self, history: History, aside: Aside) -> None:
        self._history = history
        self._aside = aside

    async def listing(self, asked: ListRepositories, _: Visit) -> tuple[RepositorySummary, ...]:
        """Return the repositories by name."""
        return await self._aside(partial(self._history.summaries, asked.project))

    async def show(self, asked: ShowRepository, _: Visit) -> RepositoryShown:
        """Return a repository with its packages and generations."""
        return await self._aside(partial(self._history.show, asked.name, asked.generation))

    async def difference(self, asked: CompareGenerations, _: Visit) -> tuple[PackageChange, ...]:
        """Return the changes from one generation to another."""
        return await self._aside(partial(self._history.difference, asked.name, asked.before, asked.after))
