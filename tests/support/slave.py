"""A slave with a real journal and everything else in the hands of a test."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from builder.attempt.folder import AttemptFolder
from builder.certificates import Identity
from builder.config import Address, Credentials, SlaveConfig
from builder.model.artifact import LISTING_NAME, ArtifactKind, Listing
from builder.model.slave import HostFacts
from builder.model.work import WorkOrder
from builder.slave.attempts import Attempts
from builder.slave.connection import Connection
from builder.slave.journal import Journal
from builder.slave.relay import Relay
from builder.slave.run import Run
from builder.slave.stream import GATHER
from builder.state import SlaveFolder
from builder.wire import Request, Role, StartJob
from tests.support.master import MemoryMaster
from tests.support.orders import ATTEMPT, artifact, order, source_work
from tests.support.runners import MemoryLauncher, MemoryWatch
from tests.support.wire import MemoryWire, connected_pair

CONFIG = SlaveConfig(
    state=Path("/nonexistent"),
    credentials=Credentials(ca=Path("/ca"), certificate=Path("/c"), key=Path("/k")),
    master=Address(host="master", port=1),
    architectures=("x86_64",),
)


class Slave:
    """A slave with a real journal, whose runners and network are the test's."""

    def __init__(self, state: Path, clock: Clock, master: MemoryMaster, launcher: MemoryLauncher) -> None:
        self.clock = clock
        self.master = master
        self.launcher = launcher
        self.watch = MemoryWatch()
        self.journal = Journal(SlaveFolder(state))
        self.attempts = Attempts(self.clock, self.journal, self._relay_for)
        self.wire: MemoryWire | None = None
        self.attempts.begin()

    def _relay_for(self, folder: AttemptFolder, gone: Callable[[str], None]) -> Relay:
        return Relay(self.clock, self.journal, Run(self.clock, self.launcher, self.watch, folder), gone)

    def connect(self) -> None:
        """One more connection with the master."""
        self.wire = connected_pair(
            lambda peer: Connection(peer, CONFIG, HostFacts(), self.attempts),
            Identity(role=Role.SLAVE, name="anvil"),
            self.master.session_for,
            Identity(role=Role.MASTER, name="farm"),
            self.clock,
        )
        self.flush()

    def flush(self) -> None:
        """Let everything arrive that is under way."""
        if self.wire:
            self.wire.flush()
            self.clock.advance(0)
            self.wire.flush()

    def cut(self) -> None:
        """Lose the connection, and what is under way on it."""
        assert self.wire
        self.wire.cut()
        self.flush()

    def gather(self) -> None:
        """Wait for as long as log is gathered."""
        self.clock.advance(GATHER)
        self.flush()

    def told(self, name: str) -> None:
        """A file has changed."""
        self.watch.tell(name)
        self.flush()

    def kill(self) -> None:
        """SIGKILL: nothing more is done; runners go on."""
        self.attempts.stop()
        if self.wire:
            self.cut()


class SlaveCase(SynchronousTestCase):
    """A slave and a master, connected."""

    @override
    def setUp(self) -> None:
        self.state = Path(tempfile.mkdtemp(prefix="slave-"))
        self.addCleanup(shutil.rmtree, self.state)
        self.clock = Clock()
        self.launcher = MemoryLauncher()
        self.addCleanup(self.launcher.close)
        self.master = MemoryMaster(ATTEMPT)
        self.slave = self.life()
        self.slave.connect()

    @property
    def attempt(self) -> Any:
        """What the master has."""
        return self.master.attempts[ATTEMPT]

    def life(self) -> Slave:
        """A new life of the slave, with what is on disk."""
        return Slave(self.state, self.clock, self.master, self.launcher)

    def ask(self, request: Request[Any]) -> Deferred[Any]:
        """The master asks."""
        answer = self.master.newest.peer.ask(request)
        self.slave.flush()
        return answer

    def order(self, work: Any = None) -> WorkOrder:
        """The master orders."""
        wanted = order(work or source_work())
        self.successResultOf(self.ask(StartJob(order=wanted)))
        return wanted

    def folders(self, place: str = "attempts") -> list[str]:
        """The attempts on disk."""
        return sorted(path.name for path in Path(self.state, place).iterdir())

    def deliver(self, files: dict[str, bytes]) -> None:
        """Put results where the runner puts them."""
        results = self.launcher.last.folder.results
        results.mkdir()
        artifacts = tuple(artifact(name, content, ArtifactKind.RPM) for name, content in files.items())
        for name, content in files.items():
            (results / name).write_bytes(content)
        listing = msgspec.json.encode(Listing(attempt=ATTEMPT, artifacts=artifacts))
        (results / LISTING_NAME).write_bytes(listing)
