"""The composition root of a slave: configuration and reactor in, a running slave out."""

from collections.abc import Callable
from pathlib import Path
from random import SystemRandom
from typing import Any

from twisted.internet.defer import maybeDeferred

from builder import files
from builder.attempt.folder import AttemptFolder
from builder.config import SlaveConfig
from builder.dial import Dialler
from builder.protocol import Peer
from builder.runner.executors.auto import executors, variables
from builder.slave.attempts import Attempts
from builder.slave.connection import Connection
from builder.slave.facts import host_facts
from builder.slave.journal import Journal
from builder.slave.launch import ProcessLauncher
from builder.slave.relay import Relay
from builder.slave.run import Run
from builder.slave.watch import InotifyWatch
from builder.state import SlaveFolder
from builder.tls import client_endpoint

PING_EVERY = 10.0
"""Seconds of silence after which the master is pinged."""
BUNDLES = (Path("/etc/pki/tls/certs/ca-bundle.crt"), Path("/etc/ssl/certs/ca-certificates.crt"))
"""The files in which Fedora and Debian keep the certificates that the system trusts."""


class Slave:
    """A slave at work."""

    def __init__(self, dialler: Dialler, attempts: Attempts, watch: InotifyWatch) -> None:
        self._dialler = dialler
        self._attempts = attempts
        self._watch = watch

    async def stop(self) -> None:
        """End; runners work on, and the next life finds them."""
        await maybeDeferred(self._dialler.stopService)
        self._attempts.stop()
        self._watch.stop()


async def start_slave(config: SlaveConfig, reactor: Any, now: Callable[[], float]) -> Slave:
    """Continue with the attempts that are there, and dial the master; `now` is the time in seconds since the epoch."""
    state = SlaveFolder(config.state)
    journal = Journal(state)
    files.write(state.trust, _trusted(config.credentials.ca))
    facts = host_facts(executors(config.executor, config.mock))
    watch, launcher = InotifyWatch(reactor), ProcessLauncher(reactor, variables(facts.executor, config.mock))

    def relay_for(folder: AttemptFolder, gone: Callable[[str], None]) -> Relay:
        return Relay(reactor, journal, Run(reactor, launcher, watch, folder), gone)

    attempts = Attempts(reactor, journal, relay_for)
    attempts.begin()

    def session_for(peer: Peer) -> Connection:
        return Connection(peer, config, facts, attempts)

    where = f"{config.master.host}:{config.master.port}"
    endpoint = client_endpoint(reactor, config.master, config.credentials)
    dialler = Dialler(reactor, where, endpoint, session_for, SystemRandom(), PING_EVERY, now)
    dialler.startService()
    return Slave(dialler, attempts, watch)


def _trusted(ca: Path) -> bytes:
    """Return the certificates for repositories over HTTPS: those that the system trusts, and the farm's own."""
    system = next((path for path in BUNDLES if path.exists()), None)
    return (system.read_bytes() if system else b"") + ca.read_bytes()
