"""Slaves over the API."""

from builder.master.slaves import Slaves
from builder.model import Value
from builder.model.slave import Slave
from builder.web.visit import Visit


class ListSlaves(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The request for all slaves that were ever there."""


class SlavesApi:
    """The routes `/api/v1/slaves`."""

    def __init__(self, slaves: Slaves) -> None:
        self._slaves = slaves

    async def listing(self, _: ListSlaves, __: Visit) -> tuple[Slave, ...]:
        """Return the slaves by name."""
        return await self._slaves.listing()
