"""The reception of slaves: what `Hello` does.

In one transaction the slave's subscription is stored, each attempt that it holds gets its verdict, and those that it
should hold and does not are given up: nobody works on them, by the slave's own word.
"""

from collections.abc import Collection
from contextlib import suppress
from functools import partial
from typing import NamedTuple

import sqlalchemy as sa
from twisted.logger import Logger

from builder import __version__
from builder.errors import UnavailableError
from builder.master import attempts
from builder.master.decisions.retry import Retry
from builder.master.intake import Intake
from builder.master.lease import Leases
from builder.master.slaves import Connection, Slaves
from builder.master.store import attempts as stored_attempts
from builder.master.store import slaves
from builder.master.store.attempts import KnownAttempt
from builder.master.store.database import Store
from builder.model.attempt import AttemptState, Position
from builder.protocol import Peer
from builder.wire import PROTOCOL_VERSION, HeldVerdict, Hello, Verdict, Welcome, check_version

_log = Logger()


class _Greeting(NamedTuple):
    """A greeting: the attempts that are held, by id, and those that should be and are not."""

    held: dict[str, KnownAttempt]
    lost: tuple[KnownAttempt, ...]


class Reception:
    """The reception, which welcomes slaves, and sees them leave."""

    def __init__(self, store: Store, slaves: Slaves, leases: Leases, intake: Intake, retry: Retry) -> None:
        self._store = store
        self._slaves = slaves
        self._leases = leases
        self._intake = intake
        self._retry = retry

    async def welcome(self, name: str, peer: Peer, hello: Hello) -> Welcome:
        """Admit a slave; until this comes back it gets no orders.

        Raises:
            VersionError: The slave speaks another version of the protocol.
            UnavailableError: The database can take nothing.
        """
        check_version(f"slave {name}", hello.protocol, hello.version)
        self._leases.heard(name, peer)
        connection = self._slaves.find(name)
        if connection is None or connection.peer is not peer:
            connection = Connection(name, peer, hello)
        self._slaves.dismiss(connection)
        # An order under way to it was sent before it could have heard of it.
        spared = frozenset(connection.offered)
        greet = partial(_greet, slave=name, hello=hello, spared=spared, retry=self._retry)
        greeting = await self._store.write(greet)
        self._intake.forget(*greeting.lost)
        verdicts = tuple(self._verdict(name, attempt, greeting.held.get(attempt)) for attempt in hello.held)
        going_on = [verdict.attempt for verdict in verdicts if verdict.verdict is Verdict.CONTINUE]
        connection.welcomed(hello, going_on, [known.attempt for known in greeting.lost])
        if not peer.closing:
            self._slaves.admit(connection)
        _log.info("slave {name} is here and goes on with {count} attempts", name=name, count=len(going_on))
        return Welcome(protocol=PROTOCOL_VERSION, version=__version__, lease=self._leases.lease, verdicts=verdicts)

    async def part(self, name: str, peer: Peer, reason: str) -> None:
        """Forget a slave's connection that has ended."""
        _log.info("slave {name} is not connected any more: {reason}", name=name, reason=reason)
        self._leases.parted(name, peer)
        connection = self._slaves.find(name)
        if connection is not None and connection.peer is peer:
            self._slaves.dismiss(connection)
            with suppress(UnavailableError):  # then it was seen a little earlier
                await self._store.write(partial(slaves.saw, name=name))

    def _verdict(self, slave: str, attempt: str, known: KnownAttempt | None) -> HeldVerdict:
        nothing = Position(records=0, log=0)
        position = nothing if known is None else self._intake.position(known)
        return HeldVerdict(attempt=attempt, verdict=verdict(slave, known), position=position)


def verdict(slave: str, known: KnownAttempt | None) -> Verdict:
    """Return the verdict on an attempt that a slave holds.

    An attempt of another slave is unknown, so that nobody throws it away.
    """
    if known is None or known.slave != slave:
        return Verdict.UNKNOWN
    match known.state:
        case AttemptState.RUNNING | AttemptState.CANCELLING:
            return Verdict.CONTINUE
        case AttemptState.BROKEN | AttemptState.SUPERSEDED:
            return Verdict.SUPERSEDED
        case (
            AttemptState.SUCCEEDED
            | AttemptState.FAILED
            | AttemptState.TIMED_OUT
            | AttemptState.CANCELLED
            | AttemptState.SKIPPED
        ):
            return Verdict.ACCEPTED


def _greet(connection: sa.Connection, slave: str, hello: Hello, spared: Collection[str], retry: Retry) -> _Greeting:
    slaves.save(connection, slave, hello)
    held = stored_attempts.some(connection, hello.held)
    lost = [attempt for attempt in stored_attempts.live_on(connection, slave) if attempt not in {*held, *spared}]
    return _Greeting(held, attempts.give_up_forgotten(connection, slave, lost, retry))
