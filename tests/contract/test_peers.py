"""What two connected peers promise, whether they are joined in memory or by mutual TLS."""

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import TestCase
from typing_extensions import override

from builder import boxes
from builder.certificates import Identity
from builder.errors import ForbiddenError, NotFoundError, UnavailableError
from builder.model.attempt import Position
from builder.protocol import Handlers, Peer
from builder.wire import CHUNK, CancelJob, Done, FetchFile, FilePart, LogChunk, Ping, Role
from tests.support.certificates import Pki
from tests.support.tls import Side, dialled, listening
from tests.support.wire import MemorySession, connected_pair

MASTER = Identity(role=Role.MASTER, name="one")
SLAVE = Identity(role=Role.SLAVE, name="one")
ATTEMPT = "0123456789abcdef" * 2


class PeersContract:
    """The suite; `join` connects a master and a slave and gives what each of them holds."""

    async def join(self, master: Handlers, slave: Handlers) -> tuple[Peer, Peer]:
        """Two connected peers: the master's and the slave's."""
        raise NotImplementedError

    assertEqual: Any
    timeout = 60
    assertFailure: Any
    patch: Any

    async def test_who_is_who(self) -> None:
        """Each knows the role and name of the other."""
        master, slave = await self.join({}, {})
        assert (master.identity, slave.identity) == (SLAVE, MASTER)

    async def test_both_ask(self) -> None:
        """Both sides ask, and both are answered."""
        master, slave = await self.join({}, {CancelJob: self._done})
        assert await master.ask(CancelJob(attempt=ATTEMPT)) == Done()
        assert await slave.ask(Ping()) == Done()

    async def test_errors_keep_the_connection(self) -> None:
        """After an error, whosever fault it was, the next question is answered."""
        _, slave = await self.join({FetchFile: self._not_found}, {})
        await self.assertFailure(slave.ask(CancelJob(attempt=ATTEMPT)), ForbiddenError)
        failure = await self.assertFailure(slave.ask(FetchFile(sha256="0" * 64, offset=0)), NotFoundError)
        assert str(failure) == "no such file"
        assert await slave.ask(Ping()) == Done()

    async def test_files_down(self) -> None:
        """Parts of a file arrive whole and in order, though many are asked for at once."""

        async def part(request: FetchFile) -> FilePart:
            return FilePart(size=1, data=request.offset.to_bytes(4, "big") * (CHUNK // 4))

        _, slave = await self.join({FetchFile: part}, {})
        parts = await gatherResults([slave.ask(FetchFile(sha256="0" * 64, offset=number)) for number in range(200)])
        assert [part.data[-4:] for part in parts] == [number.to_bytes(4, "big") for number in range(200)]

    async def test_logs_up_against_pressure(self) -> None:
        """Chunks that come while the master does not read are all there, in order, when it reads again."""
        heard: list[int] = []

        async def log(chunk: LogChunk) -> Position:
            heard.append(chunk.offset)
            if len(heard) % 50 == 1:
                master.pause()
                reactor.callLater(0, master.resume)
            return Position(records=0, log=chunk.offset)

        master, slave = await self.join({LogChunk: log}, {})
        chunks = [LogChunk(attempt=ATTEMPT, offset=offset, data=bytes(CHUNK)) for offset in range(200)]
        await gatherResults([slave.ask(chunk) for chunk in chunks])
        assert heard == list(range(200))

    async def test_close_says_what_was_begun(self) -> None:
        """What was asked before the connection is closed arrives before its end."""
        heard: Deferred[LogChunk] = Deferred()

        async def log(chunk: LogChunk) -> Position:
            heard.callback(chunk)
            return Position(records=0, log=0)

        master, slave = await self.join({LogChunk: log}, {})
        chunk = LogChunk(attempt=ATTEMPT, offset=0, data=bytes(CHUNK))
        asked = slave.ask(chunk)
        slave.close("that was all")
        assert await heard == chunk
        assert await master.closed == "it closed the connection"
        assert await slave.closed == "that was all"
        await self.assertFailure(asked, UnavailableError)

    async def test_close_while_paused(self) -> None:
        """A side that does not read closes like any other, without waiting to be cut."""
        self.patch(boxes, "CLOSE_SECONDS", 1000.0)
        master, slave = await self.join({}, {})
        master.pause()
        master.close("that was enough")
        assert await slave.closed == "it closed the connection"
        assert await master.closed == "that was enough"

    async def test_cut(self) -> None:
        """When the connection is cut, both sides are told, and so is who waits for an answer."""
        never: Deferred[Done] = Deferred()

        async def wait(_: CancelJob) -> Done:
            return await never

        master, slave = await self.join({}, {CancelJob: wait})
        asked = master.ask(CancelJob(attempt=ATTEMPT))
        slave.abort("the test cuts")
        await self.assertFailure(asked, UnavailableError)
        assert await slave.closed == "the test cuts"
        never.callback(Done())

    async def _done(self, _: object) -> Done:
        return Done()

    async def _not_found(self, _: object) -> Done:
        raise NotFoundError("no such file")


class MemoryPeersTests(PeersContract, TestCase):
    """Peers joined in memory."""

    @override
    async def join(self, master: Handlers, slave: Handlers) -> tuple[Peer, Peer]:
        sides = [partial(MemorySession, handlers=handlers) for handlers in (master, slave)]
        wire = connected_pair(sides[0], MASTER, sides[1], SLAVE, reactor)
        self.addCleanup(self._closed, wire.a, wire.b)
        return wire.a, wire.b

    def _closed(self, a: Peer, b: Peer) -> Deferred[Any]:
        a.close("the test is over")
        return gatherResults([a.closed, b.closed])


class TlsPeersTests(PeersContract, TestCase):
    """Peers joined by mutual TLS on loopback."""

    @override
    async def join(self, master: Handlers, slave: Handlers) -> tuple[Peer, Peer]:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        pki = Pki(Path(folder.name))
        server = Side(Role.SLAVE, handlers=master)
        client = Side(Role.MASTER, handlers=slave)
        address = await listening(self, pki.right(Role.MASTER), server)
        await dialled(self, address, pki.right(Role.SLAVE), client)
        return (await server.begun).peer, (await client.begun).peer
