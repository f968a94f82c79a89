"""HTTP over real sockets: plain and TLS, large files, clients that leave or do not read."""

import shutil
import ssl
import tempfile
from pathlib import Path
from typing import Any
from urllib.request import HTTPSHandler, ProxyHandler, build_opener

import msgspec
import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from typing_extensions import override

from builder.cli.client import Farm, Settings
from builder.clock import sleep
from builder.config import Address, HttpTls
from builder.errors import InvalidError, UnavailableError
from builder.model.build import BuildRequest
from builder.web.service import FarmSite, certificate_for, listen
from builder.wire import Role
from tests.support.certificates import Pki
from tests.support.http import Reply
from tests.support.people import ADA
from tests.support.small_farm import SmallFarm
from tests.support.waiting import until

_REACTOR: Any = reactor
DEADLINE = 20.0
LARGE = b"0123456789abcdef" * 65_536 * 20
"""20 MiB: more than the buffers of both ends together."""


class _Reader(Protocol):
    """A client that reads, or does not."""

    transport: Any

    def __init__(self) -> None:
        self.received = bytearray()
        self.closed: Deferred[None] = Deferred()

    @override
    def dataReceived(self, data: bytes) -> None:
        self.received += data

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.closed.callback(None)


def _downloaded(url: str, ca: Path) -> bytes:
    trusting = HTTPSHandler(context=ssl.create_default_context(cafile=str(ca)))
    with build_opener(ProxyHandler({}), trusting).open(url, timeout=DEADLINE) as answer:
        return bytes(answer.read())


class HttpTest(TestCase):
    """A small farm behind a real port."""

    timeout = 120

    @override
    def setUp(self) -> None:
        folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        (folder / "repos").mkdir()
        self.state = folder
        self.pki = Pki(folder / "pki")
        self.farm = SmallFarm(folder)

    async def serve(self, host: str = "127.0.0.1", **settings: Any) -> Any:
        """The port of the farm's site."""
        config = msgspec.structs.replace(self.farm.farm.config, http=Address(host=host, port=0), **settings)
        port = await listen(_REACTOR, self.farm.farm, config)
        self.addCleanup(maybeDeferred, port.stopListening)
        return port

    async def connect(self, port: Any, request: bytes) -> _Reader:
        """A connection on which something was asked."""
        endpoint = HostnameEndpoint(_REACTOR, "127.0.0.1", port.getHost().port)
        reader: _Reader = await connectProtocol(endpoint, _Reader())
        self.addCleanup(reader.transport.abortConnection)
        reader.transport.write(request)
        return reader

    async def test_loopback_is_plain(self) -> None:
        """On this machine alone the command line talks without TLS."""
        port = await self.serve()
        farm = Farm(Settings(url=f"http://127.0.0.1:{port.getHost().port}", token=self.farm.token))
        build = await deferToThread(farm.post, "builds", {"package": "hello"})
        assert build["requested_by"] == "ada"

    async def test_elsewhere_is_tls(self) -> None:
        """Where others can reach it, the farm shows its own certificate, and the CA's file is enough to trust it."""
        credentials = self.pki.right(Role.MASTER, hosts=("127.0.0.1",))
        port = await self.serve("0.0.0.0", credentials=credentials)
        url = f"https://127.0.0.1:{port.getHost().port}"
        status = await deferToThread(Farm(Settings(url=url, ca=str(credentials.ca))).get, "status")
        assert status["slaves"]["slaves"] == 2
        with pytest.raises(UnavailableError, match="not trusted"):
            await deferToThread(Farm(Settings(url=url)).get, "status")
        with pytest.raises(UnavailableError):
            await deferToThread(Farm(Settings(url=url.replace("https", "http"))).get, "status")

    async def test_what_cannot_be_served_is_a_sentence(self) -> None:
        """A port that is taken, or a certificate that is not there, ends the start with its name."""
        port = await self.serve()
        taken = Address(host="127.0.0.1", port=port.getHost().port)
        config = msgspec.structs.replace(self.farm.farm.config, http=taken)
        with pytest.raises(UnavailableError, match=str(taken.port)):
            await listen(_REACTOR, self.farm.farm, config)
        missing = self.state / "missing.pem"
        with pytest.raises(InvalidError, match=r"missing\.pem"):
            await self.serve(http_tls=HttpTls(certificate=missing, key=missing))

    async def test_a_large_file_arrives_whole(self) -> None:
        """Over TLS and over plain TCP, byte by byte the same."""
        (self.state / "repos" / "large.rpm").write_bytes(LARGE)
        credentials = self.pki.right(Role.MASTER, hosts=("127.0.0.1",))
        shown = HttpTls(certificate=credentials.certificate, key=credentials.key)
        for certificate, scheme in ((None, "http"), (shown, "https")):
            port = await self.serve(http_tls=certificate)
            url = f"{scheme}://127.0.0.1:{port.getHost().port}/repos/large.rpm"
            assert await deferToThread(_downloaded, url, credentials.ca) == LARGE

    async def test_a_client_that_does_not_read_is_not_read_for(self) -> None:
        """Of a large log no more is read than fits between the ends until the client reads; then all of it comes."""
        await self.farm.farm.builds.request(BuildRequest(package="hello"), ADA)
        self.farm.write(1, "source", self.farm.begin(1, "source"), LARGE)
        reads = self.counted_reads()
        port = await self.serve()
        reader = await self.connect(port, b"")
        reader.transport.pauseProducing()
        reader.transport.write(b"GET /api/v1/builds/1/jobs/source/log HTTP/1.1\r\n\r\n")
        await until("the log is being read", lambda: reads)
        before = -1
        while before != len(reads):
            before = len(reads)
            await sleep(_REACTOR, 0.2)
        assert sum(reads) < len(LARGE) * 3 // 4
        reader.transport.resumeProducing()
        await until("all of the log is there", lambda: len(reader.received) > len(LARGE))
        assert Reply(bytes(reader.received)).body == LARGE

    def counted_reads(self) -> list[int]:
        """How many bytes each read of a log gives, from now on."""
        sizes: list[int] = []
        read = self.farm.farm.logs.read

        def counted(build: int, job: str, fence: int, offset: int, limit: int) -> bytes:
            data = read(build, job, fence, offset, limit)
            sizes.append(len(data))
            return data

        self.patch(self.farm.farm.logs, "read", counted)
        return sizes

    async def test_a_follower_that_leaves_is_gone(self) -> None:
        """The server notices, and holds nothing for it."""
        port = await self.serve()
        factory: FarmSite = port.factory
        reader = await self.connect(port, b"GET /api/v1/events?follow=1 HTTP/1.1\r\n\r\n")
        await until("the answer has begun", lambda: b"200 OK" in reader.received)
        assert len(factory.connections) == 1
        reader.transport.loseConnection()
        await until("nobody is connected", lambda: not factory.connections)

    async def test_closing_the_port_ends_followers(self) -> None:
        """A master that stops does not wait for those who look on."""
        port = await self.serve()
        reader = await self.connect(port, b"GET /api/v1/events?follow=1 HTTP/1.1\r\n\r\n")
        await until("the answer has begun", lambda: b"200 OK" in reader.received)
        await maybeDeferred(port.stopListening)
        await reader.closed

    def test_where_tls_is_shown(self) -> None:
        """Plain only where nobody else listens in, or no certificate was asked for."""
        config = self.farm.farm.config
        own = HttpTls(certificate=config.credentials.certificate, key=config.credentials.key)
        for host, shown in (("127.0.0.1", None), ("127.8.8.8", None), ("::1", None), ("localhost", None)):
            assert certificate_for(msgspec.structs.replace(config, http=Address(host=host, port=0))) is shown
        for host in ("0.0.0.0", "192.0.2.1", "::", "farm.example.org"):
            assert certificate_for(msgspec.structs.replace(config, http=Address(host=host, port=0))) == own
        given = HttpTls(certificate=Path("a"), key=Path("b"))
        assert certificate_for(msgspec.structs.replace(config, http_tls=given)) == given
