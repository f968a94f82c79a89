"""The repository builder's process put together: configuration and reactor in, a running daemon out."""

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from builder.clock import wall_time
from builder.config import RepoConfig
from builder.dial import Dialler
from builder.errors import ConflictError
from builder.model.operation import Operation
from builder.repo.answer import Answer
from builder.repo.headers import read_apart
from builder.repo.operations import Operations
from builder.repo.queue import Queue
from builder.repo.session import MasterSession
from builder.tls import client_endpoint

PING_EVERY = 15.0
"""Seconds between questions to the master whether it is there."""


class RepoDaemon:
    """A running repository builder. All work on repositories is done by its one worker thread."""

    def __init__(self, config: RepoConfig, reactor: Any) -> None:
        self._operations = Operations(config.state, wall_time, read_apart)
        self._reactor = reactor
        self._worker = ThreadPool(minthreads=0, maxthreads=1, name="operations")
        self._queue = Queue(reactor, self._carry_out, self._tell)
        self._session = MasterSession(self._queue.submit)
        self._dialler = Dialler(
            reactor,
            f"{config.master.host}:{config.master.port}",
            client_endpoint(reactor, config.master, config.credentials),
            lambda _: self._session,
            Random(),  # noqa: S311 - it spreads reconnections, it keeps no secret
            PING_EVERY,
        )
        self._lock = _lock(config.state)

    async def start(self) -> None:
        """Clear up after an earlier life, then connect; raises what makes that impossible."""
        self._worker.start()
        await deferToThreadPool(self._reactor, self._worker, self._operations.recover)
        self._dialler.startService()

    async def stop(self) -> None:
        """Disconnect, finish what the worker is at, and begin nothing more."""
        self._queue.stop()
        if self._dialler.running:
            await self._dialler.stopService()
        self._worker.stop()
        os.close(self._lock)

    async def _carry_out(self, operations: Sequence[Operation]) -> Sequence[Answer]:
        return await deferToThreadPool(self._reactor, self._worker, self._operations.carry_out, operations)

    def _tell(self, answer: Answer) -> None:
        self._session.tell(answer)


async def start_repo(config: RepoConfig, reactor: Any) -> RepoDaemon:
    """Start the repository builder; a BuilderError or OSError says why it cannot."""
    daemon = RepoDaemon(config, reactor)
    try:
        await daemon.start()
    except BaseException:
        await daemon.stop()
        raise
    return daemon


def _lock(state: Path) -> int:
    """The descriptor that keeps a second repository builder away; `ConflictError` if there is a first."""
    state.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(state / "repo.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as held:
        os.close(descriptor)
        raise ConflictError(f"{state} has a repository builder already: stop it, or start this one elsewhere") from held
    return descriptor
