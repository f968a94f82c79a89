"""Kinds of jobs: what the rest of the master asks of one, and those that there are."""

from typing import Protocol

from sqlalchemy import Connection

from builder.master.decisions.order import Claimed, Supplies
from builder.master.decisions.order import order as order_to_do
from builder.master.kinds.chroot import ChrootKind
from builder.master.kinds.source import SourceKind
from builder.master.kinds.unknown import UnknownKind
from builder.master.store import orders
from builder.master.store.attempts import KnownAttempt
from builder.model.artifact import Listing
from builder.model.attempt import Outcome
from builder.model.inputs import JobInputs
from builder.model.job import JobKind, JobState
from builder.model.work import ChrootWork, SourceWork, WorkOrder


class Kind(Protocol):
    """A kind of job, whose methods are each part of one transaction, or pure."""

    @property
    def publishes(self) -> bool:
        """Tell if what a success delivers has to be published before the job is done."""

    def gathered(self, connection: Connection, claimed: Claimed, /) -> Claimed:
        """Return an attempt that has just begun with the facts that orders of this kind alone are made from."""

    def work(self, claimed: Claimed, supplies: Supplies, /) -> SourceWork | ChrootWork:
        """Return the work of the slave.

        Raises:
            ConflictError: The work cannot be done as things are, and the job fails.
            NotFoundError: A thing that it needs is not there any more.
        """

    def lacking(self, outcome: Outcome, delivered: Listing | None, /) -> str:
        """Return the name of what should have come with a success and has not; empty if all has."""

    def ended(
        self, connection: Connection, known: KnownAttempt, end: JobState, outcome: Outcome, delivered: Listing | None, /
    ) -> None:
        """Do what follows from the end of an attempt that has brought its job to the state `end`.

        `delivered` is there after a success alone.
        """

    def cancelled(self, connection: Connection, build: int) -> None:
        """Do what follows for other jobs of the build when a person has cancelled one of this kind."""

    def inputs(self, text: bytes, job: str, fence: int, /) -> JobInputs:
        """Return the inputs of a success from their text.

        Raises:
            msgspec.MsgspecError: The text is of another form.
        """


def kind_of(kind: JobKind) -> Kind:
    """Return the kind of these jobs as the master has it."""
    match kind:
        case JobKind.SOURCE:
            return SourceKind()
        case JobKind.CHROOT:
            return ChrootKind()
        case JobKind.IMAGE | JobKind.BOOT_TEST | JobKind.RUN:
            return UnknownKind(kind)


def claimed(connection: Connection, attempt: str) -> Claimed:
    """Return an attempt that has just begun, with all facts of the store that its order is made from."""
    begun = orders.claimed(connection, attempt)
    return kind_of(begun.kind).gathered(connection, begun)


def order(begun: Claimed, supplies: Supplies) -> WorkOrder:
    """Return the order for an attempt; raises as `Kind.work`."""
    return order_to_do(begun, kind_of(begun.kind).work(begun, supplies))
