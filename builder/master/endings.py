"""Endings that the master itself decides on, because of what became of an order or of a slave."""

from collections.abc import Callable
from functools import partial

import sqlalchemy as sa
from twisted.logger import Logger

from builder.master import attempts
from builder.master.decisions.retry import Retry
from builder.master.intake import Intake
from builder.master.store.attempts import KnownAttempt
from builder.master.store.database import Store
from builder.model.attempt import AttemptState, Outcome

_log = Logger()


class Endings:
    """Endings of attempts, which `intake` then forgets.

    Methods raise `UnavailableError` if an end cannot be written.
    """

    def __init__(self, store: Store, intake: Intake, retry: Retry) -> None:
        self._store = store
        self._intake = intake
        self._retry = retry

    async def put_back(self, attempt: str, end: AttemptState, reason: str) -> None:
        """End an attempt that never began on its slave: its job is queued again, and that counts for nothing."""
        _log.warn("attempt {attempt}: {reason}", attempt=attempt, reason=reason)
        await self._end(partial(attempts.put_back, attempt=attempt, end=end, reason=reason))

    async def give_up(self, attempt: str, reason: str) -> None:
        """End an attempt as broken: its job is tried again, unless that was often enough."""
        await self._give_up(attempt, attempts.broken(reason))

    async def fail(self, attempt: str, reason: str) -> None:
        """End an attempt that can come to nothing, however often it is tried: its job fails."""
        await self._give_up(attempt, Outcome(state=AttemptState.FAILED, reason=reason))

    async def lose(self, slave: str, silence: float) -> None:
        """Give up all attempts on a slave that was silent for so many seconds; their jobs are tried again elsewhere."""
        reason = f"slave {slave} is lost: nothing was heard of it for {silence:g} seconds"
        _log.warn("{reason}", reason=reason)
        await self._end(partial(attempts.give_up_slave, slave=slave, reason=reason, retry=self._retry))

    async def _give_up(self, attempt: str, outcome: Outcome) -> None:
        await self._end(partial(attempts.give_up, ids=[attempt], outcome=outcome, retry=self._retry))

    async def _end(self, unit: Callable[[sa.Connection], tuple[KnownAttempt, ...]]) -> None:
        self._intake.forget(*await self._store.write(unit))
