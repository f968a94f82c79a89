"""The real master without ports: its services over a store in memory, with scripted slaves and repository builders.

Every message crosses a wire in memory. Killing the master loses all that it has in mind and every connection, and keeps
its database and its folder.
"""

import enum
import itertools
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection
from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from builder.certificates import Identity
from builder.config import Credentials, MasterConfig
from builder.errors import UnavailableError
from builder.master import premises
from builder.master.farm import Farm
from builder.master.service import Master
from builder.model.attempt import Attempt
from builder.model.build import Build, BuildRequest
from builder.model.job import Job
from builder.model.work import WorkOrder
from builder.state import StateFolder
from builder.wire import Ping, Role, Welcome
from tests.support.aside import aside
from tests.support.distribution import ROOT
from tests.support.people import ADA
from tests.support.scripted import ScriptedPeer, ScriptedRepo, ScriptedSlave
from tests.support.store import MemoryStore, answer
from tests.support.wire import connected_pair

T = TypeVar("T")

MASTER = Identity(role=Role.MASTER, name="master")
X86, ARM = "fedora-43-x86_64", "fedora-43-aarch64"
DEFINITION = """\
project: hello
chroots: [fedora-43-x86_64, fedora-43-aarch64]
external:
  - {name: other, url: "https://other.example.org/$releasever"}
packages:
  hello:
    style: release
    packaging: {git: https://git.example.org/hello-rpm.git}
    chroots: {exclude: [fedora-43-aarch64]}
  both:
    style: release
    packaging: {git: https://git.example.org/both-rpm.git}
"""
LEASE, GRACE = 20.0, 10.0


class Fate(enum.Enum):
    """What becomes of a write."""

    ANSWERED = "written, and answered"
    REFUSED = "not written"
    UNANSWERED = "written, but nobody hears of it"
    OVERTAKEN = "written, but something else is heard of first"


class FlakyStore:
    """A store whose next writes have these fates, in their order; `overtaking` is what is heard of first."""

    def __init__(self, clock: Clock) -> None:
        self._store = MemoryStore(clock)
        self.now = self._store.now
        self.changed = self._store.changed
        self.fates: list[Fate] = []
        self.overtaking: Callable[[], object] = lambda: None

    def write(self, unit: Callable[[Connection], T]) -> Deferred[T]:
        """As it is fated."""
        fate = self.fates.pop(0) if self.fates else Fate.ANSWERED
        if fate is Fate.REFUSED:
            return fail(UnavailableError("the disk of the master's database is full"))
        written = self._store.write(unit)
        if fate is Fate.UNANSWERED:
            return written.addCallback(lambda _: fail(UnavailableError("the answer was lost")))
        if fate is Fate.OVERTAKEN:
            self.overtaking()
        return written

    def read(self, unit: Callable[[Connection], T]) -> Deferred[T]:
        """As ever."""
        return self._store.read(unit)

    def close(self) -> Deferred[None]:
        """As ever."""
        return self._store.close()


class HeadlessMaster:
    """A master that lives as often as the test wants, over one store in memory and one folder."""

    def __init__(self, folder: Path, tries: int = 3) -> None:
        self.folder = folder
        self.clock = Clock()
        self.store = FlakyStore(self.clock)
        self._config = MasterConfig(
            state=folder,
            credentials=Credentials(ca=folder / "ca.pem", certificate=folder / "m.pem", key=folder / "m.key"),
            url="https://farm.example.org",
            chroots=(ROOT / "mock-configs",),
            lease=LEASE,
            grace=GRACE,
            tries=tries,
        )
        self._ids = (f"{number:032x}" for number in itertools.count(1))
        self._peers: list[ScriptedPeer] = []
        self._held = premises.Premises(StateFolder(folder))
        self._held.enter()
        self.begin()

    @property
    def farm(self) -> Farm:
        """What the master can do for people."""
        return self._master.farm

    def begin(self) -> None:
        """A life begins."""
        self._master = Master(self._config, self.store, self.clock, aside, lambda: next(self._ids))
        answer(self._master.start())

    def kill(self) -> None:
        """A life ends without a word."""
        self._master.stop()
        for peer in self._peers:
            peer.cut()
        self._peers.clear()

    def restart(self) -> None:
        """A life ends, the next one begins."""
        self.kill()
        self.begin()

    def end(self) -> None:
        """Leave nothing behind."""
        self.kill()
        self._held.leave()

    def connect(self, peer: ScriptedPeer) -> None:
        """Somebody dials, but says nothing yet."""
        peer.wire = connected_pair(self._master.session_for, MASTER, peer.session_for, peer.identity, self.clock)
        self._peers.append(peer)

    def forget_chroots(self) -> None:
        """A life ends, and the next one finds no chroots."""
        self._config = msgspec.structs.replace(self._config, chroots=())
        self.restart()

    def build(self, package: str = "hello", *chroots: str, force: bool = False) -> int:
        """Somebody asks for a build; returns its number."""
        request = BuildRequest(package=package, chroots=chroots, force=force)
        number = answer(self.farm.builds.request(request, ADA)).number
        self.flush()
        return number

    def cancel(self, number: int, job: str | None = None) -> None:
        """Somebody cancels."""
        answer(self.farm.builds.cancel(number, job, ADA))
        self.flush()

    def flush(self) -> None:
        """Let everything arrive that is under way."""
        self.clock.advance(0)

    def wait(self, seconds: float) -> None:
        """Let time pass, second by second, in which connected peers are heard."""
        for _ in range(int(seconds)):
            for peer in self._peers:
                if peer.closed is None:
                    answer(peer.ask(Ping()))
            self.clock.advance(1)

    def show(self, number: int) -> Build:
        """A build as people see it."""
        return answer(self.farm.builds.show(number))

    def job(self, number: int, name: str) -> Job:
        """A job as people see it."""
        return self.show(number).job(name)

    def attempts(self, number: int, name: str) -> tuple[Attempt, ...]:
        """The attempts at a job, the oldest first."""
        return self.job(number, name).attempts

    def incoming(self, order: WorkOrder) -> Path:
        """Where what an attempt delivers is put."""
        return StateFolder(self.folder).delivery(order.build, order.job, order.fence)

    def stored_log(self, order: WorkOrder) -> bytes:
        """The log of an attempt, as the master has it."""
        return self.farm.logs.read(order.build, order.job, order.fence, 0, 1 << 20)


class MasterCase(SynchronousTestCase):
    """A master with a project and a repository builder that has made its repositories; slaves are the test's."""

    tries = 3

    @override
    def setUp(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="master-"))
        self.addCleanup(shutil.rmtree, folder)
        self.master = HeadlessMaster(folder, self.tries)
        self.addCleanup(self.master.end)
        answer(self.master.farm.definitions.apply(DEFINITION, dry_run=False, visitor=ADA))
        self.repo = ScriptedRepo()
        self.master.connect(self.repo)
        answer(self.repo.hello())
        self.repo.apply(self.repo.operations[0])

    def slave(self, name: str = "a", capacity: int = 2, **more: Any) -> ScriptedSlave:
        """A slave that is connected and welcome."""
        slave = ScriptedSlave(name, capacity, **more)
        self.master.connect(slave)
        answer(slave.hello())
        return slave

    def again(self, slave: ScriptedSlave, *held: WorkOrder) -> Welcome:
        """A slave connects once more, with these attempts in hand."""
        self.master.connect(slave)
        return answer(slave.hello(*held))

    def package_order(self, slave: ScriptedSlave, package: str = "hello", *chroots: str) -> WorkOrder:
        """Ask for a build, let the slave make its source, and return the order for the chroot job that follows."""
        self.master.build(package, *chroots)
        slave.make_source(slave.orders[-1])
        return slave.orders[-1]
