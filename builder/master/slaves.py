"""Slaves: those that are connected, the attempts that each has in hand, and the list of all for people."""

from collections.abc import Collection, Iterable
from functools import partial

import msgspec
import sqlalchemy as sa

from builder.master.decisions.assignment import Offer
from builder.master.store import slaves as stored_slaves
from builder.master.store.database import Store
from builder.master.store.stamp import now
from builder.model.slave import Slave
from builder.protocol import Peer
from builder.wire import Hello

FIRST_REST = 5.0
LONGEST_REST = 300.0


class Connection:
    """A slave that is connected and welcomed.

    Attributes:
        name: The slave's name.
        peer: The peer that asks it something.
        hello: The greeting, with the slave's own word on itself.
        attempts: The attempts that it has in hand, by its own word.
        offered: The attempts whose `StartJob` it has not answered yet.
        cancelled: The attempts that it was told to stop.
    """

    def __init__(self, name: str, peer: Peer, hello: Hello) -> None:
        self.name = name
        self.peer = peer
        self.hello = hello
        self.attempts: set[str] = set()
        self.offered: set[str] = set()
        self.cancelled: set[str] = set()
        self._refusals = 0
        self._rests_until = 0.0

    @property
    def offer(self) -> Offer:
        """The offer of the slave if it holds nothing."""
        return Offer(
            slave=self.name,
            channels=frozenset(self.hello.channels),
            architectures=frozenset(self.hello.architectures),
            free=self.hello.capacity,
        )

    def welcomed(self, hello: Hello, attempts: Iterable[str], lost: Iterable[str]) -> None:
        """Note that the slave has said hello, perhaps anew: it has `attempts` in hand, and none of `lost`."""
        self.hello = hello
        self.attempts.update(attempts)
        self.attempts.difference_update(lost)
        self.cancelled.clear()

    def keep(self, live: Iterable[str]) -> None:
        """Forget all attempts but these, which alone have not ended."""
        there = frozenset(live)
        self.attempts &= there
        self.cancelled &= there

    def accepted(self, attempt: str) -> None:
        """Note that the slave has taken an order."""
        self.attempts.add(attempt)
        self._refusals = 0

    def refused(self, now: float) -> None:
        """Note that the slave could not take an order: it gets no other for a while, which is longer each time."""
        self._rests_until = now + min(LONGEST_REST, FIRST_REST * 2.0 ** min(self._refusals, 16))
        self._refusals += 1

    def rest(self, now: float) -> float:
        """Return the seconds for which the slave gets no order."""
        return max(0.0, self._rests_until - now)


class Slaves:
    """The slaves of the farm."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._connected: dict[str, Connection] = {}

    @property
    def connected(self) -> tuple[Connection, ...]:
        """The slaves that can be asked something now."""
        return tuple(self._connected.values())

    def find(self, name: str) -> Connection | None:
        """Return the connection of a slave, if it is connected."""
        return self._connected.get(name)

    def admit(self, connection: Connection) -> None:
        """Admit a welcome slave; an older connection of the same name is closed."""
        older = self._connected.get(connection.name)
        self._connected[connection.name] = connection
        if older is not None and older.peer is not connection.peer:
            older.peer.close(f"slave {connection.name} has connected anew")
        self._store.changed.ring()

    def dismiss(self, connection: Connection) -> None:
        """Forget a connection, which is not to be used any more."""
        if self._connected.get(connection.name) is connection:
            del self._connected[connection.name]

    async def listing(self) -> tuple[Slave, ...]:
        """Return all slaves that ever connected, by name."""
        return await self._store.read(partial(_listing, connected=frozenset(self._connected)))


def _listing(connection: sa.Connection, connected: Collection[str]) -> tuple[Slave, ...]:
    seen = round(now(connection), 1)
    return tuple(
        msgspec.structs.replace(slave, connected=True, seen=seen) if slave.name in connected else slave
        for slave in stored_slaves.every(connection)
    )
