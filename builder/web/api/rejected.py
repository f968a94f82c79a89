"""Rejected deliveries over the API."""

from functools import partial

from builder.master.delivery import Aside
from builder.model import Label, Value
from builder.model.rejected import RejectedDelivery
from builder.repo.rejected import RejectedDeliveries
from builder.web.visit import Visit


class ListRejected(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The request for the rejected deliveries of one project, or all."""

    project: Label | None = None


class ShowRejected(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The request for one rejected delivery."""

    name: Label


class RejectedApi:
    """The routes `/api/v1/rejected`."""

    def __init__(self, rejected: RejectedDeliveries, aside: Aside) -> None:
        self._rejected = rejected
        self._aside = aside

    async def listing(self, asked: ListRejected, _: Visit) -> tuple[RejectedDelivery, ...]:
        """Return the deliveries that are kept, the newest first, without their files."""
        return await self._aside(partial(self._rejected.listing, asked.project))

    async def show(self, asked: ShowRejected, _: Visit) -> RejectedDelivery:
        """Return a delivery with its files."""
        return await self._aside(partial(self._rejected.show, asked.name))
