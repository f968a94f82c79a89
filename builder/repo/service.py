"""The repository builder's process put together: configuration and reactor in, a running daemon out."""

import os
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from builder import files, lock
from builder.config import RepoConfig
from builder.dial import Dialler
from builder.model.operation import NumberedOperation
from builder.protocol import Peer
from builder.repo.answer import OperationAnswer
from builder.repo.headers import read_apart
from builder.repo.operations import Operations
from builder.repo.queue import Queue
from builder.repo.session import MasterSession
from builder.state import StateFolder
from builder.tls import client_endpoint

PING_EVERY = 15.0
"""Seconds between two pings of the master."""
WORKERS = 4
"""Number of projects that are worked on at once. Most of it is waiting, for the disk and for gpg, rpm and other
children.
"""


class RepoDaemon:
    """A running repository builder, which holds its state folder for as long as its threads work in it."""

    def __init__(self, config: RepoConfig, reactor: Any, now: Callable[[], float]) -> None:
        state = StateFolder(config.state)
        self._operations = Operations(state, now, read_apart)
        self._reactor = reactor
        self._workers = ThreadPool(minthreads=0, maxthreads=WORKERS, name="operations")
        self._queue = Queue(reactor, WORKERS, self._carry_out, self._tell)
        self._session: MasterSession | None = None
        self._dialler = Dialler(
            reactor,
            f"{config.master.host}:{config.master.port}",
            client_endpoint(reactor, config.master, config.credentials),
            self._session_for,
            Random(),  # noqa: S311 - it spreads reconnections, it keeps no secret
            PING_EVERY,
            now,
        )
        files.make_folder(state.path)
        self._lock = lock.hold(state.repo_lock, "repository builder")

    async def start(self) -> None:
        """Clear up after an earlier life, then connect; raises the error that makes that impossible."""
        self._workers.start()
        await deferToThreadPool(self._reactor, self._workers, self._operations.recover)
        self._dialler.startService()

    async def stop(self) -> None:
        """Disconnect, finish the operations that the workers are at, and begin no more."""
        self._queue.stop()
        if self._dialler.running:
            await self._dialler.stopService()
        self._workers.stop()
        os.close(self._lock)

    async def _carry_out(self, operations: Sequence[NumberedOperation]) -> Sequence[OperationAnswer]:
        return await deferToThreadPool(self._reactor, self._workers, self._operations.carry_out, operations)

    def _session_for(self, peer: Peer) -> MasterSession:
        self._session = MasterSession(peer, self._queue.submit)
        return self._session

    def _tell(self, answer: OperationAnswer) -> None:
        """Tell an answer on the newest connection, whichever brought the operation."""
        if self._session is not None:
            self._session.tell(answer)


async def start_repo(config: RepoConfig, reactor: Any, now: Callable[[], float]) -> RepoDaemon:
    """Start a repository builder that tells time by `now`; a BuilderError or OSError says why it cannot start."""
    daemon = RepoDaemon(config, reactor, now)
    try:
        await daemon.start()
    except BaseException:
        await daemon.stop()
        raise
    return daemon
