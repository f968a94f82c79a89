"""The dispatcher: brings queued jobs to slaves and cancels to attempts, in rounds over what stands in the database.

A claim is committed before the order is sent. From then on exactly one of these happens, whatever is lost on the way:

* the slave answers: it has the order in its journal;
* it refuses, or does not answer in time: the attempt ends and the job is queued again, at no cost to the package;
* the connection is lost: nobody knows, and the slave's next `Hello` or the end of its lease will tell;
* the master is killed: the same.

An attempt that a connected slave should have, and has not by its own word, is found by the next round.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import NamedTuple

import msgspec
import sqlalchemy as sa
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from builder.clock import background, sent
from builder.errors import BuilderError, ConflictError, NotFoundError, TooLargeError, UnavailableError
from builder.master import attempts
from builder.master.decisions.assignment import Offer, assignments
from builder.master.decisions.order import Claimed
from builder.master.endings import Endings
from builder.master.kinds import kind
from builder.master.rounds import SLOW, rounds
from builder.master.slaves import Connection, Slaves
from builder.master.store import candidates
from builder.master.store.attempts import Live
from builder.master.store.database import Store
from builder.model.attempt import AttemptState
from builder.model.work import WorkOrder
from builder.wire import CancelJob, StartJob

ANSWER = 30.0
"""Seconds within which a slave has to take an order, which costs it one write to its disk."""

FIRST_PAUSE = 10.0
LONGEST_PAUSE = 300.0
SOON = 0.2
"""Seconds until the next look if an order was taken that has to be cancelled."""

_BUG = "the master met a bug, which is in its log"

_log = Logger()

_Broken = tuple[int, int]
"""A queued job that was broken, by its row and fence."""


class _Round(NamedTuple):
    """A round: what it has found and done.

    Attributes:
        live: The attempts that had not ended before it.
        begun: The attempts that it has begun.
        spoilt: The attempts that it has begun, but of which no order can be made, and why.
        broken: The time since which each job that was broken is queued again.
        waits: Seconds for which each of these rather waits than goes back to a slave that broke it.
    """

    live: tuple[Live, ...]
    begun: tuple[Claimed, ...]
    spoilt: tuple[tuple[str, Failure], ...]
    broken: dict[_Broken, float]
    waits: dict[int, float]


class Dispatcher:
    """The dispatcher: it sends `StartJob` and `CancelJob`; `new_attempt` makes ids, `order` makes orders."""

    def __init__(
        self,
        store: Store,
        slaves: Slaves,
        clock: IReactorTime,
        new_attempt: Callable[[], str],
        order: Callable[[Claimed], WorkOrder],
        endings: Endings,
    ) -> None:
        self._store = store
        self._slaves = slaves
        self._clock = clock
        self._new_attempt = new_attempt
        self._order = order
        self._endings = endings
        self._broken: dict[_Broken, float] = {}

    async def run(self) -> None:
        """Dispatch until cancelled."""
        await rounds("Dispatching", self._store.changed, self._clock, self.look)

    async def look(self) -> float:
        """Make one round; return the seconds until there should be another."""
        connected = self._slaves.connected
        if not connected:
            return SLOW
        now = self._clock.seconds()
        slaves = [_offer(connection, now) for connection in connected]
        round_ = partial(_round, slaves=slaves, broken=self._broken, now=now, new_attempt=self._new_attempt)
        done = await self._store.write(round_)
        self._broken = done.broken
        for connection in connected:
            connection.keep(attempt.attempt for attempt in done.live)
        for attempt, failure in done.spoilt:
            _log.failure("attempt {attempt} cannot be ordered", failure=failure, attempt=attempt)
            background("Giving an attempt up", self._endings.give_up(attempt, f"there is no order for it: {_BUG}"))
        for claimed in done.begun:
            background("Sending an order", self._offer(claimed))
        await self._put_back_orphans(done.live)
        soon = [SOON] if self._cancel(done.live) else []
        if done.begun:
            await sent(self._clock)  # an order is on its way before the next round, which its own commit asks for
        rests = (connection.rest(now) for connection in connected)
        return min([SLOW, *soon, *done.waits.values(), *(rest for rest in rests if rest)])

    # -- orders

    async def _offer(self, claimed: Claimed) -> None:
        """Send an order; if its fate cannot be written down, a later round finds it."""
        attempt, connection = claimed.attempt, self._slaves.find(claimed.slave)
        try:
            if connection is None:
                await self._endings.put_back(attempt, AttemptState.SUPERSEDED, f"slave {claimed.slave} has just left")
            else:
                connection.offered.add(attempt)
                await self._send(connection, claimed)
        except UnavailableError as error:
            _log.warn("attempt {attempt} is looked at again: {error}", attempt=attempt, error=error)
        finally:
            if connection is not None:
                connection.offered.discard(attempt)

    async def _send(self, connection: Connection, claimed: Claimed) -> None:
        """Send an order, and do what follows from the slave's answer."""
        attempt, slave = claimed.attempt, connection.name
        try:
            await connection.peer.ask(StartJob(order=self._order(claimed)), within=ANSWER)
        except UnavailableError as error:
            if self._slaves.find(slave) is connection and not connection.peer.closing:
                connection.refused(self._clock.seconds())
                await self._endings.put_back(attempt, AttemptState.BROKEN, f"slave {slave} did not take it: {error}")
        except ConflictError as error:
            await self._endings.fail(attempt, str(error))
        except TooLargeError as error:
            await self._endings.fail(attempt, f"no order can hold all that its definition says: {error}")
        except Exception as error:  # noqa: BLE001 - whatever it is, the same order must not be sent for ever
            why = str(error)
            if not isinstance(error, BuilderError):
                _log.failure("the order of attempt {attempt} cannot be sent", attempt=attempt)
                why = _BUG
            await self._endings.give_up(attempt, f"the order cannot be sent to slave {slave}: {why}")
        else:
            connection.accepted(attempt)

    async def _put_back_orphans(self, live: Iterable[Live]) -> None:
        """Queue the jobs again whose attempts a connected slave should have, and has not."""
        for attempt, slave, state in live:
            connection = self._slaves.find(slave)
            if connection is None or state is not AttemptState.RUNNING:
                continue
            if attempt not in connection.attempts and attempt not in connection.offered:
                reason = f"the order did not reach slave {slave}"
                await self._endings.put_back(attempt, AttemptState.SUPERSEDED, reason)

    # -- cancels

    def _cancel(self, live: Iterable[Live]) -> bool:
        """Tell slaves to stop attempts that nobody wants any more; return True if some are only on offer yet."""
        postponed = False
        for attempt, slave, state in live:
            connection = self._slaves.find(slave)
            if connection is None or state is not AttemptState.CANCELLING or attempt in connection.cancelled:
                continue
            if attempt in connection.offered:
                postponed = True
            else:
                connection.cancelled.add(attempt)
                background("Cancelling an attempt", self._stop(connection, attempt))
        return postponed

    async def _stop(self, connection: Connection, attempt: str) -> None:
        """Tell a slave to stop an attempt, again later if it cannot be told now."""
        try:
            await self._stopped(connection, attempt)
        except BuilderError as error:
            connection.cancelled.discard(attempt)
            _log.warn("attempt {attempt} is not cancelled yet: {error}", attempt=attempt, error=error)

    async def _stopped(self, connection: Connection, attempt: str) -> None:
        try:
            await connection.peer.ask(CancelJob(attempt=attempt), within=ANSWER)
        except NotFoundError:
            await self._endings.give_up(attempt, "cancelled")


def pause_after(times: int) -> float:
    """Return the seconds until a job that was broken so often goes back to its slave, if it must: at first none."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * (2.0 ** min(times - 1, 16) - 1))


def _offer(connection: Connection, now: float) -> Offer:
    """Return the offer of a slave as if it held nothing; a slave that rests has no place."""
    return msgspec.structs.replace(connection.offer, free=0) if connection.rest(now) else connection.offer


def _round(
    connection: sa.Connection,
    slaves: Iterable[Offer],
    broken: Mapping[_Broken, float],
    now: float,
    new_attempt: Callable[[], str],
) -> _Round:
    """Decide who builds what, and begin these attempts: in one transaction, so that a job is as it was read."""
    queue = candidates.queue(connection, slaves)
    known = {(job, of.fence): broken.get((job, of.fence), now) for job, of in queue.broken.items()}
    waits = {job: began + pause_after(queue.broken[job].times) - now for (job, _), began in known.items()}
    waits = {job: seconds for job, seconds in waits.items() if seconds > 0}
    waiting = (msgspec.structs.replace(job, patient=True) if job.job in waits else job for job in queue.waiting)
    begun, spoilt = [], []
    for assignment in assignments(waiting, queue.offers, queue.taken):
        attempt = new_attempt()
        if attempts.claim(connection, assignment, attempt):
            try:
                begun.append(kind.claimed(connection, attempt))
            except Exception:  # noqa: BLE001 - a bug in what is known of one job must not keep all others waiting
                spoilt.append((attempt, Failure()))
    return _Round(queue.live, tuple(begun), tuple(spoilt), known, waits)
