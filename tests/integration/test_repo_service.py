"""The repository builder's daemon over real TLS, with the master played by the test."""

import shutil
import tempfile
import threading
import time
from pathlib import Path

import msgspec
import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredQueue
from twisted.trial.unittest import TestCase
from typing_extensions import override

from builder import __version__, files
from builder.config import Address, RepoConfig
from builder.errors import ConflictError
from builder.model.operation import NumberedOperation, Prepare
from builder.protocol import Peer, PeerFactory
from builder.repo.answer import OperationAnswer
from builder.repo.service import RepoDaemon, start_repo
from builder.tls import listen
from builder.wire import PROTOCOL_VERSION, Applied, Done, Operate, Ping, Rejected, RepoHello, Role, Welcome
from tests.support.certificates import Pki
from tests.support.repositories import names
from tests.support.rpms import deliver, order_of, rpms
from tests.support.wire import MemorySession

PREPARE = Prepare(project="hello", stages=("testing",), chroots=("fedora-43-x86_64",))


class RepoDaemonTests(TestCase):
    """Each test starts daemons on a fresh state folder; the sessions that the master gets come in `sessions`."""

    timeout = 60

    @override
    def setUp(self) -> None:
        self.state = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.state)
        self.sessions: DeferredQueue[MemorySession] = DeferredQueue()
        self.answers: DeferredQueue[OperationAnswer] = DeferredQueue()

    async def _listen(self) -> None:
        pki = Pki(self.state / "pki")
        master = pki.right(Role.MASTER, "master", hosts=("localhost",))
        factory = PeerFactory(reactor, frozenset({Role.REPO}), self._session_for, now=time.time)
        port = await listen(reactor, Address(host="127.0.0.1", port=0), master, factory)
        self.addCleanup(port.stopListening)
        number: int = port.getHost().port  # type: ignore[attr-defined]  # a TCP port's address has one
        self.config = RepoConfig(
            state=self.state / "master",
            credentials=pki.right(Role.REPO, "repo"),
            master=Address(host="127.0.0.1", port=number),
        )

    def _session_for(self, peer: Peer) -> MemorySession:
        session = MemorySession(peer, {RepoHello: self._hello, Applied: self._answer, Rejected: self._answer})
        self.newest = session
        return session

    async def _hello(self, _: RepoHello) -> Welcome:
        self.sessions.put(self.newest)
        return Welcome(protocol=PROTOCOL_VERSION, version=__version__, lease=20.0)

    async def _answer(self, answer: OperationAnswer) -> Done:
        self.answers.put(answer)
        return Done()

    async def _start(self) -> RepoDaemon:
        daemon = await start_repo(self.config, reactor, time.time)
        self.addCleanup(lambda: Deferred.fromCoroutine(daemon.stop()))
        return daemon

    async def _operate(self, session: MemorySession, *operations: NumberedOperation) -> None:
        for operation in operations:
            assert await session.peer.ask(Operate(operation=operation)) == Done()

    async def test_operations_are_applied_and_answered(self) -> None:
        """Orders that the master sends are carried out, and the answers say what is where."""
        await self._listen()
        await self._start()
        session = await self.sessions.get()
        deliver(self.config.state, order_of(5), rpms("hello"))
        await self._operate(
            session, NumberedOperation(number=1, operation=PREPARE), NumberedOperation(number=2, operation=order_of(5))
        )
        answers = [await self.answers.get() for _ in range(2)]
        assert [(type(answer), answer.number) for answer in answers] == [(Applied, 1), (Applied, 2)]
        assert names(self.config.state / "repos/hello/testing/fedora-43/x86_64") == ["hello-1.0-1.noarch"]

    async def test_the_session_stays_alive_while_it_works(self) -> None:
        """Hashing and metadata do not keep the master waiting: it hears answers to its pings before the operation's."""
        await self._listen()
        await self._start()
        session = await self.sessions.get()
        deliver(self.config.state, order_of(5), rpms("hello"))
        await self._operate(session, NumberedOperation(number=2, operation=order_of(5)))
        pings = 0
        while not self.answers.pending:
            await session.peer.ask(Ping())
            pings += 1
        assert pings > 1

    async def test_a_project_does_not_wait_for_another(self) -> None:
        """While a change to one project's repositories takes as long as it likes, another project's are changed; the
        stop of the daemon waits for it."""
        go_on = threading.Event()

        def hold_up(_: str, path: Path) -> None:
            if "slow" in path.parts:
                assert go_on.wait(self.timeout)

        files.before.append(hold_up)
        self.addCleanup(files.before.remove, hold_up)
        await self._listen()
        daemon = await start_repo(self.config, reactor, time.time)
        session = await self.sessions.get()
        slow = msgspec.structs.replace(PREPARE, project="slow")
        await self._operate(
            session, NumberedOperation(number=1, operation=slow), NumberedOperation(number=2, operation=PREPARE)
        )
        assert (await self.answers.get()).number == 2
        assert not self.answers.pending
        reactor.callInThread(go_on.set)  # type: ignore[attr-defined]  # the real reactor has threads
        await daemon.stop()
        repositories = self.config.state / "repos/slow/testing/fedora-43"
        assert [names(repositories / tree) for tree in ("x86_64", "source", "debug/x86_64")] == [[], [], []]

    async def test_a_new_life_takes_up_the_work(self) -> None:
        """Stopped before it could answer, the next daemon answers once the master asks again."""
        await self._listen()
        first = await start_repo(self.config, reactor, time.time)
        session = await self.sessions.get()
        deliver(self.config.state, order_of(5), rpms("hello"))
        await self._operate(session, NumberedOperation(number=2, operation=order_of(5)))
        await first.stop()
        await self._start()
        await self._operate(await self.sessions.get(), NumberedOperation(number=2, operation=order_of(5)))
        assert isinstance(await self.answers.get(), Applied)

    async def test_only_one_works_on_a_state_folder(self) -> None:
        """A second daemon on the same folder is refused with a sentence, and may start when the first has ended."""
        await self._listen()
        first = await start_repo(self.config, reactor, time.time)
        with pytest.raises(ConflictError, match=r"another repository builder \(process \d+\) works in "):
            await start_repo(self.config, reactor, time.time)
        await first.stop()
        await self._start()
