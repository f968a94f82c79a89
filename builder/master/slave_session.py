"""The session of a slave on one connection: it says hello, then reports; the dispatcher asks it."""

from builder.clock import background
from builder.master.budget import Budget
from builder.master.intake import Intake
from builder.master.order_files import OrderFiles
from builder.master.reception import Reception
from builder.model.attempt import Position
from builder.protocol import Handlers, Peer
from builder.wire import (
    Accepted,
    ArtifactChunk,
    BeginArtifact,
    FetchFile,
    FilePart,
    Hello,
    JobFinished,
    JobStarted,
    LogChunk,
    Offset,
    StepFinished,
    StepStarted,
    Welcome,
)


class SlaveSession:
    """The session of the slave `peer` on one connection."""

    def __init__(
        self, peer: Peer, reception: Reception, intake: Intake, order_files: OrderFiles, budget: Budget
    ) -> None:
        self._peer = peer
        self._name = peer.identity.name
        self._reception = reception
        self._intake = intake
        self._order_files = order_files
        self._budget = budget

    def handlers(self) -> Handlers:
        """Return the commands that a slave may send, each with its handler."""
        return {
            Hello: self._hello,
            JobStarted: self._record,
            StepStarted: self._record,
            StepFinished: self._record,
            LogChunk: self._log,
            BeginArtifact: self._begin_artifact,
            ArtifactChunk: self._artifact,
            JobFinished: self._finish,
            FetchFile: self._fetch,
        }

    def disconnected(self, reason: str) -> None:
        """Forget the connection; the slave's attempts go on, for a while: see `builder.master.lease`."""
        background(f"Parting from slave {self._name}", self._reception.part(self._name, self._peer, reason))

    async def _hello(self, hello: Hello) -> Welcome:
        return await self._reception.welcome(self._name, self._peer, hello)

    async def _record(self, record: JobStarted | StepStarted | StepFinished) -> Position:
        return await self._intake.record(self._name, record)

    async def _log(self, chunk: LogChunk) -> Position:
        with self._budget.spent(self._peer, len(chunk.data)):
            return await self._intake.log(self._name, chunk)

    async def _begin_artifact(self, request: BeginArtifact) -> Offset:
        return await self._intake.begin_artifact(self._name, request)

    async def _artifact(self, chunk: ArtifactChunk) -> Offset:
        with self._budget.spent(self._peer, len(chunk.data)):
            return await self._intake.artifact(self._name, chunk)

    async def _finish(self, request: JobFinished) -> Accepted:
        return await self._intake.finish(self._name, request)

    async def _fetch(self, request: FetchFile) -> FilePart:
        return await self._order_files.part(self._name, request)
