"""Kinds of jobs that this version of Builder does not know: those of a newer one that used the database before."""

from typing import NoReturn

from sqlalchemy import Connection

from builder.errors import ConflictError, InvalidError
from builder.master.decisions.order import Claimed, Supplies
from builder.master.store.attempts import KnownAttempt
from builder.model.artifact import Listing
from builder.model.attempt import Outcome
from builder.model.inputs import JobInputs
from builder.model.job import JobKind, JobState


class UnknownKind:
    """A job that fails with a sentence when it is its turn, and from whose end nothing follows."""

    publishes = False

    def __init__(self, kind: JobKind) -> None:
        self._sentence = f"this version of Builder has no jobs of kind {kind.value}; update the master"

    def gathered(self, _: Connection, claimed: Claimed) -> Claimed:
        """Return the attempt as it is."""
        return claimed

    def work(self, _: Claimed, __: Supplies) -> NoReturn:
        """Refuse to order it."""
        raise ConflictError(self._sentence)

    def lacking(self, _: Outcome, __: Listing | None) -> str:
        """Name what this version lacks itself."""
        return f"being known here: {self._sentence}"

    def ended(
        self, connection: Connection, known: KnownAttempt, end: JobState, outcome: Outcome, _: Listing | None
    ) -> None:
        """Do nothing more."""

    def cancelled(self, connection: Connection, build: int) -> None:
        """Do nothing more."""

    def inputs(self, _: bytes, __: str, ___: int) -> JobInputs:
        """Refuse to read them."""
        raise InvalidError(self._sentence)
