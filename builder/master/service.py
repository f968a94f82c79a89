"""The master's process put together: configuration and reactor in, a running master out."""

import secrets
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, fail, maybeDeferred
from twisted.internet.interfaces import IListeningPort, IReactorTime
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.threadpool import ThreadPool

from builder import tls
from builder.clock import started
from builder.config import MasterConfig, url_of
from builder.errors import ConflictError, UnavailableError
from builder.master import chroots
from builder.master.batches import Batches
from builder.master.budget import Budget
from builder.master.builds import Builds
from builder.master.decisions.order import Supplies
from builder.master.decisions.retry import Retry
from builder.master.definitions import Definitions
from builder.master.delivery import Aside
from builder.master.dispatch import Dispatcher
from builder.master.door import Door
from builder.master.endings import Endings
from builder.master.events import Events
from builder.master.farm import Farm
from builder.master.intake import Intake
from builder.master.kinds.kind import order
from builder.master.lease import Leases
from builder.master.logs import Logs
from builder.master.operations import Operations
from builder.master.order_files import OrderFiles
from builder.master.people import People
from builder.master.premises import Premises
from builder.master.reception import Reception
from builder.master.repo_session import RepoSession
from builder.master.seal import Seal
from builder.master.secrets import Secrets
from builder.master.slave_session import SlaveSession
from builder.master.slaves import Slaves
from builder.master.store import slaves as stored_slaves
from builder.master.store.database import Store, open_store
from builder.master.store.sqlite import SQLite
from builder.master.sweep import Sweep
from builder.protocol import Peer, Session
from builder.state import StateFolder
from builder.wire import Role

T = TypeVar("T")
FILE_THREADS = 4
"""Number of files that are hashed or synced at the same time."""
PINGS = 2
"""Number of questions that a silent slave is asked within its lease."""

_DAY = 24 * 3600.0

_log = Logger()


def _new_attempt() -> str:
    return secrets.token_hex(16)


class Master:
    """A master without its ports: its work between its database, its folders and the sessions of its peers.

    `aside` does work that takes a while in another thread, and `new_attempt` makes ids.

    Attributes:
        farm: The services for people.
    """

    def __init__(
        self,
        config: MasterConfig,
        store: Store,
        clock: IReactorTime,
        aside: Aside,
        new_attempt: Callable[[], str] = _new_attempt,
    ) -> None:
        found = chroots.load(config.chroots)
        for mistake in found.mistakes:
            _log.error("a chroot is left out: {mistake}", mistake=mistake)
        state, slaves = StateFolder(config.state), Slaves(store)
        logs = Logs(state.logs)
        self._operations = Operations(store, clock)
        self._secrets = Secrets(store, Seal(state.seal))
        self.farm = Farm(
            batches=Batches(store, slaves),
            builds=Builds(store, slaves),
            definitions=Definitions(store, found.chroots, config.channels),
            events=Events(store),
            people=People(store),
            slaves=slaves,
            logs=logs,
            operations=self._operations,
            secrets=self._secrets,
            aside=aside,
            config=config,
        )
        self._config = config
        self._store = store
        self._budget = Budget()
        self._order_files = OrderFiles(store, state)
        retry = Retry(tries=config.tries)
        self._intake = Intake(store, logs, state, aside, retry)
        endings = Endings(store, self._intake, retry)
        self._leases = Leases(clock, config.lease, config.grace, endings.lose)
        self._reception = Reception(store, slaves, self._leases, self._intake, retry)
        make = partial(order, supplies=Supplies(found.chroots, url_of(config), self._secrets.open))
        self._dispatcher = Dispatcher(store, slaves, clock, new_attempt, make, endings)
        self._sweep = Sweep(store, state.incoming, logs, config.log_days * _DAY, clock, aside)
        self._loops: list[Deferred[None]] = []

    async def start(self) -> None:
        """Continue with the work that an earlier life has left."""
        try:
            await self._secrets.prepare()
        except ConflictError as error:
            _log.error("private repositories cannot be read: {error}", error=error)
        self._leases.begin(await self._store.read(stored_slaves.present))
        self._loops = [
            started("Looking for lost slaves", self._leases.run()),
            started("Dispatching", self._dispatcher.run()),
            started("Sending operations", self._operations.run()),
            started("Sweeping", self._sweep.run()),
        ]

    def stop(self) -> None:
        """Stop beginning work."""
        for loop in self._loops:
            loop.cancel()

    def session_for(self, peer: Peer) -> Session:
        """Return the session of a slave or a repository builder that has come in."""
        if peer.identity.role is Role.REPO:
            return RepoSession(peer, self._operations, self._config.lease)
        return SlaveSession(peer, self._reception, self._intake, self._order_files, self._budget)


class MasterDaemon:
    """A running master: its state folder, threads and port; `now` is the time in seconds since the epoch."""

    def __init__(self, config: MasterConfig, reactor: Any, now: Callable[[], float]) -> None:
        self._config = config
        self._reactor = reactor
        self._now = now
        self._state = StateFolder(config.state)
        self._premises = Premises(self._state)
        self._threads = ThreadPool(minthreads=0, maxthreads=FILE_THREADS, name="files")
        self._store: Store | None = None
        self._master: Master | None = None
        self._door: Door | None = None
        self._port: IListeningPort | None = None

    @property
    def farm(self) -> Farm:
        """The services for people, once the master is started."""
        assert self._master is not None  # noqa: S101 - `start_master` gives out none before
        return self._master.farm

    async def start(self) -> None:
        """Continue with the work that an earlier life has left, and let daemons in.

        Raises:
            BuilderError: The reason that prevents it, in one sentence.
        """
        config = self._config
        self._premises.enter()
        self._threads.start()
        self._store = open_store(self._reactor, SQLite(self._state.database), self._now)
        self._master = Master(config, self._store, self._reactor, self._aside)
        await self._master.start()
        self._door = Door(self._reactor, self._master.session_for, config.lease / PINGS, self._now)
        self._port = await tls.listen(self._reactor, config.rpc, config.credentials, self._door)

    async def stop(self) -> None:
        """Close all connections, finish the work that was begun, and release the state folder."""
        if self._port is not None:
            await maybeDeferred(self._port.stopListening)
        if self._master is not None:
            self._master.stop()
        if self._door is not None:
            await self._door.send_away(self._reactor)
        if self._store is not None:
            await self._store.close()
        if self._threads.started:
            self._threads.stop()
        self._premises.leave()

    def _aside(self, work: Callable[[], T]) -> Deferred[T]:
        if self._threads.joined:
            return fail(UnavailableError("the master is stopping and does nothing more"))
        return deferToThreadPool(self._reactor, self._threads, work)


async def start_master(config: MasterConfig, reactor: Any, now: Callable[[], float]) -> MasterDaemon:
    """Start a master that tells time by `now`; a `BuilderError` says why it cannot."""
    daemon = MasterDaemon(config, reactor, now)
    try:
        await daemon.start()
    except BaseException:
        await daemon.stop()
        raise
    return daemon
