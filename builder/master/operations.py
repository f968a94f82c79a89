"""Operations: those that wait go to the repository builder in the order of their numbers; their outcomes come back.

Each is sent once per connection, and again when its answer could not be written down, or on the next connection, for
as long as there is none; the repository builder knows from its manifests what it has done already.
"""

from collections.abc import Callable
from functools import partial

import msgspec
import sqlalchemy as sa
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from builder.clock import background
from builder.errors import BuilderError, InvalidError, NotFoundError, UnavailableError
from builder.master.decisions.permission import require
from builder.master.rounds import rounds
from builder.master.store import jobs, projects
from builder.master.store import operations as stored_operations
from builder.master.store.database import Store
from builder.master.store.jobs import Facts
from builder.mistakes import guess
from builder.model.job import JobState
from builder.model.operation import (
    AnyOperation,
    Carry,
    OperationShown,
    Pin,
    Prepare,
    Promote,
    Prune,
    Publish,
    Rebuild,
    Rollback,
    Undo,
)
from builder.model.project import Project
from builder.model.visitor import Act, Visitor
from builder.protocol import Peer
from builder.wire import Applied, Done, Operate, Rejected

AT_ONCE = 100
"""Most operations of a project that the repository builder has; the next is sent when one is answered."""

GATHER = 0.02
"""Seconds for which operations gather: the dispatcher, for whom a slave waits, has the interpreter to itself."""

_log = Logger()


class Operations:
    """Operations, sent to the repository builder that connected last, which answers them."""

    def __init__(self, store: Store, clock: IReactorTime) -> None:
        self._store = store
        self._clock = clock
        self._peer: Peer | None = None
        self._sent: set[int] = set()

    async def run(self) -> None:
        """Send operations until cancelled."""
        await rounds("Sending operations", self._store.changed, self._clock, self.look, GATHER)

    async def look(self) -> None:
        """Make one round."""
        peer = self._peer
        if peer is None:
            return
        waiting = await self._store.read(partial(stored_operations.waiting, limit=AT_ONCE))
        self._sent.intersection_update(operation.number for operation in waiting)
        for operation in waiting:
            if peer is self._peer and operation.number not in self._sent:
                self._sent.add(operation.number)
                background("Sending an operation", self._send(peer, Operate(operation=operation)))

    def admit(self, peer: Peer) -> None:
        """Admit a repository builder: it gets all operations that wait; an older connection is closed."""
        older, self._peer = self._peer, peer
        self._sent.clear()
        if older is not None and older is not peer:
            older.close("a repository builder has connected anew")
        self._store.changed.ring()

    def part(self, peer: Peer) -> None:
        """Forget a connection that has ended."""
        if self._peer is peer:
            self._peer = None

    async def request(self, operation: AnyOperation, visitor: Visitor) -> OperationShown:
        """Store the operation that a visitor asks for; it is carried out in its turn, and shown with its findings then.

        Raises:
            NotFoundError: There is no such project or operation, or the project has no such stage.
            InvalidError: The operation is not for people to ask for, or names things of another project.
            ForbiddenError: The visitor may not ask for operations of the project.
        """
        return await self._store.write(partial(_request, operation=operation, visitor=visitor))

    async def show(self, number: int) -> OperationShown:
        """Return an operation with its outcome.

        Raises:
            NotFoundError: There is no operation of that number.
        """
        return await self._store.read(partial(stored_operations.one, number=number))

    async def listing(
        self, limit: int = 50, before: int | None = None, project: str | None = None
    ) -> tuple[OperationShown, ...]:
        """Return the newest operations: at most `limit`, older than `before`, of one project.

        Raises:
            NotFoundError: There is no such project.
        """
        return await self._store.read(partial(_listing, limit=limit, before=before, project=project))

    async def applied(self, answer: Applied) -> Done:
        """Note that the operation is carried out, and with it the job that it publishes; a second time changes nothing.

        Raises:
            NotFoundError: There is no such operation.
            UnavailableError: The database can take nothing.
        """
        await self._answered(answer.number, partial(_applied, answer=answer))
        return Done()

    async def rejected(self, answer: Rejected) -> Done:
        """Note that the operation is refused, and the job that it publishes fails; raises as `applied`."""
        _log.warn("operation {number} is refused: {reason}", number=answer.number, reason=answer.reason)
        await self._answered(answer.number, partial(_rejected, answer=answer))
        return Done()

    async def _answered(self, number: int, unit: Callable[[sa.Connection], None]) -> None:
        """Store an answer; if that fails, the operation counts as unsent, and is sent again later."""
        try:
            await self._store.write(unit)
        except UnavailableError:
            self._sent.discard(number)
            raise

    async def _send(self, peer: Peer, request: Operate) -> None:
        try:
            await peer.ask(request)
        except BuilderError as error:
            number = request.operation.number
            _log.warn("operation {number} is sent again later: {error}", number=number, error=error)
            if peer is self._peer:
                self._sent.discard(number)


def _request(connection: sa.Connection, operation: AnyOperation, visitor: Visitor) -> OperationShown:
    require(visitor, Act.OPERATE, operation.project)
    project = projects.one_bare(connection, operation.project)
    match operation:
        case Publish() | Prepare():
            kind = operation.__struct_config__.tag
            raise InvalidError(f"`{kind}` is ordered by the farm itself, which builds before it publishes")
        case Rollback() | Pin() | Rebuild():
            _check_repository(project, operation.repository)
        case Carry():
            _check_stage(project, operation.stage)
        case Promote():
            _check_stage(project, operation.source)
            _check_stage(project, operation.target)
        case Undo():
            _check_operation(project, stored_operations.one(connection, operation.number))
        case Prune(retention=None):
            operation = msgspec.structs.replace(operation, retention=project.retention)
        case _:
            pass  # it names nothing but its project
    operation = msgspec.structs.replace(operation, who=visitor.name)
    return stored_operations.one(connection, stored_operations.insert(connection, operation, who=visitor.name))


def _check_repository(project: Project, name: str) -> None:
    """Refuse a name that cannot be a repository of the project; the repository builder knows if it is there."""
    owner, _, rest = name.partition("/")
    if owner != project.project:
        raise InvalidError(f"{name} is no repository of the project `{project.project}`")
    _check_stage(project, rest.partition("/")[0])


def _check_stage(project: Project, stage: str) -> None:
    if stage not in project.stages:
        stages = ", ".join(project.stages)
        raise NotFoundError(
            f"`{project.project}` has no stage `{stage}`{guess(stage, project.stages)}: it has {stages}"
        )


def _check_operation(project: Project, operation: OperationShown) -> None:
    if operation.project != project.project:
        raise InvalidError(f"operation {operation.number} is of `{operation.project}`, not of `{project.project}`")


def _listing(
    connection: sa.Connection, limit: int, before: int | None, project: str | None
) -> tuple[OperationShown, ...]:
    if project is not None:
        projects.one_bare(connection, project)
    return stored_operations.newest_first(connection, limit, before, project)


def _applied(connection: sa.Connection, answer: Applied) -> None:
    job_id = stored_operations.applied(connection, answer)
    if job_id is not None:
        jobs.change(connection, job_id, JobState.SUCCEEDED, facts=Facts(published=answer.published))


def _rejected(connection: sa.Connection, answer: Rejected) -> None:
    job_id = stored_operations.rejected(connection, answer)
    if job_id is not None:
        jobs.change(connection, job_id, JobState.FAILED, reason=f"not published: {answer.reason}")
