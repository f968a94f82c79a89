"""Batches over the API."""

from builder.master.batches import Batches
from builder.model import Value
from builder.model.batch import BatchRequest, Plan
from builder.model.build import Build
from builder.web.visit import Visit


class StartBatch(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The request for many builds."""

    body: BatchRequest


class PlanBatch(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The request for the plan of a batch."""

    body: BatchRequest


class BatchesApi:
    """The routes `/api/v1/batches`."""

    def __init__(self, batches: Batches) -> None:
        self._batches = batches

    async def start(self, asked: StartBatch, visit: Visit) -> tuple[Build, ...]:
        """Ask for builds in the name of the visitor."""
        return await self._batches.request(asked.body, visit.visitor)

    async def plan(self, asked: PlanBatch, visit: Visit) -> Plan:
        """Return the waves, and how long the batch would take."""
        return await self._batches.plan(asked.body, visit.visitor)
