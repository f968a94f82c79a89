"""The master's process put together: configuration and reactor in, a running master out."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IAddress, IListeningPort, IReactorTime
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.threadpool import ThreadPool
from typing_extensions import override

from builder import tls
from builder.certificates import Identity
from builder.clock import background, sleep, started
from builder.config import MasterConfig, url_of
from builder.master import chroots
from builder.master.budget import Budget
from builder.master.builds import Builds
from builder.master.definitions import Definitions
from builder.master.dispatch import Dispatcher
from builder.master.events import Events
from builder.master.inputs import Inputs
from builder.master.intake import Intake
from builder.master.lease import Leases
from builder.master.logs import Logs
from builder.master.operations import Operations, RepoSession
from builder.master.people import People
from builder.master.premises import Premises
from builder.master.reception import Reception
from builder.master.session import SlaveSession
from builder.master.slaves import Slaves
from builder.master.store import attempts
from builder.master.store.database import Store, open_store
from builder.model.chroot import Chroot
from builder.protocol import Peer, PeerFactory, Session
from builder.wire import Role

T = TypeVar("T")
FILE_THREADS = 4
"""How many files are hashed or synced at the same time."""
PINGS = 3
"""How many questions a silent slave is asked within its lease."""
FAREWELL = 0.5
"""Seconds that peers have to end their connections when the master stops."""

_log = Logger()


@dataclass(frozen=True, kw_only=True)
class Farm:
    """What the master can do for people."""

    builds: Builds
    definitions: Definitions
    events: Events
    people: People
    slaves: Slaves
    logs: Logs
    config: MasterConfig


class Door(PeerFactory):
    """Where daemons come in; it knows who is inside, so that all can be sent away."""

    def __init__(self, clock: Any, session_for: Callable[[Identity], Session], ping_every: float) -> None:
        super().__init__(clock, frozenset({Role.SLAVE, Role.REPO}), session_for, ping_every=ping_every)
        self._peers: set[Peer] = set()

    @override
    def buildProtocol(self, addr: IAddress | None) -> Peer:
        """Somebody comes in."""
        peer = super().buildProtocol(addr)
        self._peers.add(peer)
        background("Seeing a daemon off", self._until_gone(peer))
        return peer

    async def send_away(self, clock: IReactorTime) -> None:
        """Close every connection; those that do not end soon are cut."""
        for peer in tuple(self._peers):
            peer.close("the master stops")
        deadline = clock.seconds() + FAREWELL
        while self._peers and clock.seconds() < deadline:
            await sleep(clock, FAREWELL / 20)
        for peer in tuple(self._peers):
            peer.abort("the master stops")

    async def _until_gone(self, peer: Peer) -> None:
        await peer.closed
        self._peers.discard(peer)


class Master:
    """A running master; `farm` is what it can do for people."""

    farm: Farm

    def __init__(self, config: MasterConfig, reactor: Any) -> None:
        self._config = config
        self._reactor = reactor
        self._premises = Premises(config.state)
        self._threads = ThreadPool(minthreads=0, maxthreads=FILE_THREADS, name="files")
        self._store: Store | None = None
        self._door: Door | None = None
        self._port: IListeningPort | None = None
        self._loops: list[Deferred[None]] = []

    async def start(self) -> None:
        """Take up what an earlier life has left, and let daemons in.

        Raises:
            BuilderError: What prevents it, in one sentence.
        """
        config = self._config
        self._premises.enter()
        self._threads.start()
        self._store = open_store(self._reactor, self._premises.database)
        known = self._chroots()
        logs, slaves = Logs(self._premises.logs), Slaves(self._store)
        self.farm = Farm(
            builds=Builds(self._store),
            definitions=Definitions(self._store, known, config.channels),
            events=Events(self._store),
            people=People(self._store),
            slaves=slaves,
            logs=logs,
            config=config,
        )
        await self._open_door(self._store, slaves, logs, known)

    async def _open_door(self, store: Store, slaves: Slaves, logs: Logs, known: Mapping[str, Chroot]) -> None:
        config, clock, incoming = self._config, self._reactor, self._premises.incoming
        silence = config.lease + config.grace
        intake = Intake(store, logs, incoming, self._aside, config.tries)
        leases = Leases(clock, silence, partial(intake.lose, silence=silence))
        reception = Reception(store, slaves, leases, intake, config.tries)
        inputs, budget = Inputs(store, incoming), Budget()
        operations = Operations(store, clock)
        dispatcher = Dispatcher(
            store, slaves, clock, _new_attempt, chroots=known, url=url_of(config), tries=config.tries
        )

        def session_for(identity: Identity) -> Session:
            if identity.role is Role.REPO:
                return RepoSession(operations, config.lease)
            return SlaveSession(identity.name, reception, intake, inputs, budget)

        leases.begin(attempt.slave for attempt in await store.read(attempts.live))
        self._loops = [
            started("Looking for lost slaves", leases.run()),
            started("Dispatching", dispatcher.run()),
            started("Sending operations", operations.run()),
        ]
        self._door = Door(clock, session_for, config.lease / PINGS)
        self._port = await tls.listen(clock, config.rpc, config.credentials, self._door)

    async def stop(self) -> None:
        """Send everybody away, finish what was begun, and let the state folder go."""
        if self._port is not None:
            await maybeDeferred(self._port.stopListening)
        for loop in self._loops:
            loop.cancel()
        if self._door is not None:
            await self._door.send_away(self._reactor)
        if self._store is not None:
            await self._store.close()
        if self._threads.started:
            self._threads.stop()
        self._premises.leave()

    def _chroots(self) -> Mapping[str, Chroot]:
        found = chroots.load(self._config.chroots)
        for mistake in found.mistakes:
            _log.error("a chroot is left out: {mistake}", mistake=mistake)
        return found.chroots

    def _aside(self, work: Callable[[], T]) -> Deferred[T]:
        return deferToThreadPool(self._reactor, self._threads, work)


async def start_master(config: MasterConfig, reactor: Any) -> Master:
    """Start a master; a `BuilderError` says why it cannot."""
    master = Master(config, reactor)
    try:
        await master.start()
    except BaseException:
        await master.stop()
        raise
    return master


def _new_attempt() -> str:
    return secrets.token_hex(16)
