"""The master as a daemon: real TLS, real threads, a real disk."""

import shutil
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import TestCase
from typing_extensions import override

from builder.clock import background, sleep, started
from builder.config import Address, Credentials, MasterConfig
from builder.dial import Dialler
from builder.errors import ConflictError, UnavailableError
from builder.master.service import MasterDaemon, start_master
from builder.model.artifact import Artifact, ArtifactKind
from builder.model.build import Build, BuildRequest, BuildState
from builder.model.work import ChrootWork, WorkOrder
from builder.protocol import Peer, Session
from builder.tls import client_endpoint
from builder.wire import CHUNK, Applied, Done, FetchFile, Operate, Request, Role, StartJob
from tests.support.certificates import Pki
from tests.support.distribution import ROOT
from tests.support.headless import DEFINITION, X86
from tests.support.people import ADA
from tests.support.processes import free_port
from tests.support.scripted import BUILT, MADE, ScriptedPeer, ScriptedRepo, ScriptedSlave, artifact, listed
from tests.support.waiting import until

LOCAL = "127.0.0.1"
SRPM = bytes(range(256)) * 1000


class EagerSlave(ScriptedSlave):
    """A slave that carries out whatever it is ordered, at once."""

    def __init__(self) -> None:
        super().__init__("eager")
        self.fetched = b""
        self.welcome = False
        self.work: list[Deferred[None]] = []

    @override
    def session_for(self, peer: Peer) -> Session:
        session = super().session_for(peer)
        background("Saying hello", self._greet())
        return session

    async def _greet(self) -> None:
        await self.hello()
        self.welcome = True

    @override
    async def _answer(self, request: Request[Any]) -> Done:
        if isinstance(request, StartJob):
            self.work.append(started("Working", self._work(request.order)))
        return await super()._answer(request)

    async def _work(self, order: WorkOrder) -> None:
        if isinstance(order.work, ChrootWork):
            await self.log(order, 0, b"a line\n")
            await self._fetch(order.work.srpm)
            await self._upload(order, artifact("hello-1.0-1.fc43.x86_64.rpm", b"an RPM"), b"an RPM")
            await self.finish(order, BUILT, 0, 7)
        else:
            await self._upload(order, artifact("hello-1.0-1.src.rpm", SRPM, ArtifactKind.SRPM), SRPM)
            await self.finish(order, MADE)

    async def _fetch(self, srpm: Artifact) -> None:
        while len(self.fetched) < srpm.size:
            part = await self.ask(FetchFile(sha256=srpm.sha256, offset=len(self.fetched)))
            self.fetched += part.data

    async def _upload(self, order: WorkOrder, wanted: Artifact, content: bytes) -> None:
        for one, data in ((wanted, content), listed(order.attempt, wanted)):
            await self.begin(order, one)
            chunks = [self.chunk(order, one.name, at, data[at : at + CHUNK]) for at in range(0, len(data), CHUNK)]
            await gatherResults(chunks)


class EagerRepo(ScriptedRepo):
    """A repository builder that has applied whatever it is told, at once."""

    def __init__(self) -> None:
        super().__init__()
        self.work: list[Deferred[None]] = []

    @override
    def session_for(self, peer: Peer) -> Session:
        session = super().session_for(peer)
        background("Saying hello", self.hello())
        return session

    @override
    async def _answer(self, request: Request[Any]) -> Done:
        assert isinstance(request, Operate)
        answer = Applied(number=request.operation.number, generations=(), published=("hello-1.0-1.fc43.x86_64",))
        self.work.append(started("Applying", self.ask(answer)))
        return await super()._answer(request)


class MasterDaemonTests(TestCase):
    """A master on loopback."""

    timeout = 60

    @override
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="master-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.pki = Pki(self.folder / "pki")
        self.config = MasterConfig(
            state=self.folder / "state",
            credentials=self.credentials(Role.MASTER, "master"),
            rpc=Address(host=LOCAL, port=free_port()),
            chroots=(ROOT / "mock-configs",),
        )
        self.master: MasterDaemon | None = None
        self.addCleanup(self.stop)

    def credentials(self, role: Role, name: str) -> Credentials:
        """A certificate of the farm."""
        return self.pki.right(role, name, (LOCAL,))

    async def start(self, config: MasterConfig | None = None) -> None:
        """Begin a life of the master."""
        self.master = await start_master(config or self.config, reactor, time.time)

    async def stop(self) -> None:
        """End the master, if it lives."""
        master, self.master = self.master, None
        if master is not None:
            await master.stop()

    @property
    def running(self) -> MasterDaemon:
        """The master."""
        assert self.master
        return self.master

    async def dial(self, peer: ScriptedPeer) -> None:
        """Connect over TLS, and again whenever the connection is lost."""
        endpoint = client_endpoint(reactor, self.config.rpc, self.credentials(peer.identity.role, peer.identity.name))
        dialler = Dialler(reactor, "the master", endpoint, peer.session_for, Random(1), 5.0, time.time)
        dialler.startService()
        self.addCleanup(dialler.stopService)
        await until("the peer is connected", lambda: bool(peer.made))

    async def finished(self, number: int) -> Build:
        """The build, once it has ended."""
        while (build := await self.running.farm.builds.show(number)).finished is None:
            await sleep(reactor, 0.01)
        return build

    async def test_a_build_over_tls(self) -> None:
        """Orders, log, an artifact of several chunks, a fetched file and a publication cross real connections."""
        await self.start()
        await self.running.farm.definitions.apply(DEFINITION, dry_run=False, visitor=ADA)
        repo, slave = EagerRepo(), EagerSlave()
        await self.dial(repo)
        await self.dial(slave)
        build = await self.running.farm.builds.request(BuildRequest(package="hello"), ADA)
        build = await self.finished(build.number)
        await gatherResults([*repo.work, *slave.work])
        assert build.state is BuildState.SUCCEEDED, build
        assert build.jobs[1].published == ("hello-1.0-1.fc43.x86_64",)
        assert slave.fetched == SRPM
        assert self.running.farm.logs.read(build.number, X86, 1, 0, 100) == b"a line\n"

    async def test_a_second_master_is_refused(self) -> None:
        """Two masters never work in one folder."""
        await self.start()
        await self.assertFailure(Deferred.fromCoroutine(start_master(self.config, reactor, time.time)), ConflictError)

    async def test_a_port_that_is_taken(self) -> None:
        """A start that fails leaves nothing behind: the folder is free for the next one."""
        await self.start()
        other = msgspec.structs.replace(self.config, state=self.folder / "other")
        await self.assertFailure(Deferred.fromCoroutine(start_master(other, reactor, time.time)), UnavailableError)
        await self.stop()
        await self.start(other)

    async def test_a_stopped_master_lets_everybody_go(self) -> None:
        """Peers lose their connections, and the next life finds what the last one wrote."""
        await self.start()
        slave = EagerSlave()
        await self.dial(slave)
        await until("the slave is welcome", lambda: slave.welcome)
        token = await self.running.farm.people.issue("ada")
        await self.stop()
        await until("the slave is let go", lambda: slave.closed is not None)
        await self.start()
        assert await self.running.farm.people.person(token) == ADA
