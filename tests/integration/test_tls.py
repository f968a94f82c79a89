import errno
import os
import socket
import ssl
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import pytest
from twisted.internet import reactor
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.logger import capturedLogs
from twisted.protocols.amp import AmpBox, parseString
from twisted.trial.unittest import TestCase
from typing_extensions import override

from builder.boxes import LOW_WATER
from builder.certificates import Identity, issue
from builder.config import Address, Credentials, HttpTls
from builder.dial import Dialler
from builder.errors import InvalidError, UnavailableError
from builder.master.door import STRANGERS, Door
from builder.protocol import Peer
from builder.tls import client_endpoint, listen, listen_https
from builder.wire import Done, Ping, Role
from tests.support.certificates import DAY, Pki
from tests.support.tls import LOOPBACK, Side, WaitingSession, dialled, listening

T = TypeVar("T")
EXPIRED = "it has expired"
STRANGER = "it is of another farm's CA"
WRONG_SIDE = "it is not for this side of a connection"


class Greeting(Protocol):
    """A server that says hello."""

    @override
    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(b"hello")
        self.transport.loseConnection()


class Full(Factory):
    """Takes nobody, as a site with too many connections does."""

    @override
    def buildProtocol(self, addr: IAddress | None) -> None:
        """No."""


class TlsTestCase(TestCase):
    """A farm's CA in a folder of the test's own."""

    timeout = 60

    @override
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.pki = Pki(Path(folder.name))


class CrowdTests(TlsTestCase):
    """Connections that nobody wants."""

    async def test_a_refused_connection_is_closed(self) -> None:
        """A factory that takes no more is asked before TLS costs anything; nothing is logged as a bug."""
        credentials = self.pki.right(Role.MASTER)
        port: Any = await listen(reactor, LOOPBACK, credentials, Full())
        self.addCleanup(port.stopListening)

        def received() -> bytes:
            with socket.create_connection(("127.0.0.1", port.getHost().port), 30) as connection:
                return connection.recv(1)

        assert await deferToThread(received) == b""

    async def test_strangers_have_a_limited_room(self) -> None:
        """Whoever says nothing takes one of few places; the next is refused, and let in when others have left."""
        door = Door(reactor, WaitingSession, 0.0, time.time)
        port: Any = await listen(reactor, LOOPBACK, self.pki.right(Role.MASTER), door)
        self.addCleanup(port.stopListening)
        address = ("127.0.0.1", port.getHost().port)

        def crowd() -> list[socket.socket]:
            return [socket.create_connection(address, 30) for _ in range(STRANGERS + 1)]

        connections = await deferToThread(crowd)
        assert await deferToThread(connections[-1].recv, 1) == b""
        connections[0].setblocking(False)
        with pytest.raises(BlockingIOError):
            connections[0].recv(1)
        for connection in connections:
            connection.close()
        side = Side(Role.MASTER)
        await dialled(self, Address(host=address[0], port=address[1]), self.pki.right(Role.SLAVE), side)
        await side.begun


class AcceptedTests(TlsTestCase):
    """The right certificates."""

    async def _joined(self, role: Role) -> tuple[Peer, Peer]:
        """Return the peers that the master and a daemon with this role have of each other."""
        server, client = Side(role), Side(Role.MASTER)
        address = await listening(self, self.pki.right(Role.MASTER), server)
        await dialled(self, address, self.pki.right(role, "two"), client)
        return (await server.begun).peer, (await client.begun).peer

    async def test_slave_and_repository_builder(self) -> None:
        """Both kinds of daemons that dial are known by role and name, and ask and are asked."""
        for role in (Role.SLAVE, Role.REPO):
            server, client = await self._joined(role)
            assert server.identity == Identity(role=role, name="two")
            assert client.identity == Identity(role=Role.MASTER, name="one")
            assert await server.ask(Ping()) == await client.ask(Ping()) == Done()

    async def test_connection(self) -> None:
        """It is TLS 1.3, small boxes leave at once, and large ones wait outside of the kernel."""
        server, client = await self._joined(Role.SLAVE)
        for peer in (server, client):
            transport = peer.transport
            assert transport.getHandle().get_protocol_version_name() == "TLSv1.3"
            tcp = transport.transport.getHandle()
            assert tcp.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert tcp.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == LOW_WATER

    async def test_certificate_ends(self) -> None:
        """A session ends at the moment when the certificate of either side does."""
        soon = Identity(role=Role.SLAVE, name="soon")
        credentials = issue(self.pki.folder, soon, now=time.time() - DAY + 2, days=1)
        server, client = Side(Role.SLAVE), Side(Role.MASTER)
        address = await listening(self, self.pki.right(Role.MASTER), server)
        await dialled(self, address, credentials, client)
        assert await (await server.begun).ended == "the certificate of slave soon has expired"
        assert await (await client.begun).ended == "it closed the connection"


class RefusedTests(TlsTestCase):
    """Every wrong certificate, shown by either side, and what each side is told of it."""

    async def _refused_client(self, client: Credentials, *accepts: Role) -> tuple[str, str]:
        """Why the server refuses, and what the client, connected for a moment, hears of it."""
        server, dialler = Side(*accepts), Side(Role.MASTER)
        address = await listening(self, self.pki.right(Role.MASTER), server)
        peer = await dialled(self, address, client, dialler)
        why = await server.refusal
        assert not server.begun.called
        told = await peer.closed
        assert told is not None
        assert not peer.proven
        return why, told

    async def _refused_server(self, server: Credentials) -> tuple[str, str]:
        """Why the client refuses, and what the server hears of it; neither has a session."""
        listener, dialler = Side(Role.SLAVE), Side(Role.MASTER)
        address = await listening(self, server, listener)
        await dialled(self, address, self.pki.right(Role.SLAVE), dialler)
        why, told = await dialler.refusal, await listener.refusal
        assert (dialler.begun.called, listener.begun.called) == (False, False)
        return why, told

    async def test_wrong_clients(self) -> None:
        """A master refuses who is expired, too early, of another farm, or self-signed, and tells him why."""
        for credentials, reason, told in [
            (self.pki.expired(Role.SLAVE), EXPIRED, EXPIRED),
            (self.pki.future(Role.SLAVE), "it is not valid yet (compare the clocks)", "not valid yet"),
            (self.pki.of_another_farm(Role.SLAVE), STRANGER, STRANGER),
            (self.pki.self_signed(), "it is self-signed", STRANGER),
        ]:
            why, heard = await self._refused_client(credentials, Role.SLAVE)
            assert why == f"its certificate is refused: {reason}"
            assert heard.startswith("it refuses our certificate: ")
            assert told in heard

    async def test_wrong_masters(self) -> None:
        """A daemon that dials refuses a master of the same kinds, and tells it why."""
        for credentials, reason, told in [
            (self.pki.expired(Role.MASTER), EXPIRED, EXPIRED),
            (self.pki.future(Role.MASTER), "it is not valid yet (compare the clocks)", "not valid yet"),
            (self.pki.of_another_farm(Role.MASTER), STRANGER, STRANGER),
            (self.pki.self_signed(), "it is self-signed", STRANGER),
        ]:
            why, heard = await self._refused_server(credentials)
            assert why == f"its certificate is refused: {reason}"
            assert heard.startswith("it refuses our certificate: ")
            assert told in heard

    async def test_wrong_roles_of_clients(self) -> None:
        """Where one role is accepted every other one is refused: a master's by TLS itself, the others by name."""
        for accepted, shown in [(Role.SLAVE, Role.REPO), (Role.REPO, Role.SLAVE)]:
            why, heard = await self._refused_client(self.pki.right(shown), accepted)
            assert why == f"{shown.value} one is refused: a {shown.value} has no business here"
            assert heard == "it closed the connection"
        for accepted in Role:
            why, heard = await self._refused_client(self.pki.right(Role.MASTER), accepted)
            assert why == f"its certificate is refused: {WRONG_SIDE}"
            assert heard == f"it refuses our certificate: {WRONG_SIDE}"

    async def test_wrong_roles_of_servers(self) -> None:
        """Only a master is taken for the master."""
        for role in (Role.SLAVE, Role.REPO):
            why, heard = await self._refused_server(self.pki.right(role))
            assert why == f"its certificate is refused: {WRONG_SIDE}"
            assert heard == f"it refuses our certificate: {WRONG_SIDE}"

    async def test_refused_daemon_says_why(self) -> None:
        """A daemon whose certificate has expired says so in its log."""
        events = self.enterContext(capturedLogs())
        side = Side(Role.MASTER)
        address = await listening(self, self.pki.right(Role.MASTER), Side(Role.SLAVE, Role.REPO))
        endpoint = client_endpoint(reactor, address, self.pki.expired(Role.SLAVE))
        dialler = Dialler(reactor, "the test's master", endpoint, side.session_for, Random(1), 10.0, time.time)
        dialler.startService()
        await (await side.begun).ended
        await deferLater(reactor, 0)  # the session is told first, then the log
        await dialler.stopService()
        (told,) = [event["why"] for event in events if event["log_namespace"] == "builder.dial"]
        assert told == "it refuses our certificate: it has expired"


class ForeignTests(TlsTestCase):
    """Who does not speak our dialect, played by the standard library's TLS."""

    def _context(self, version: ssl.TLSVersion) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.pki.folder / "ca.pem")
        context.check_hostname = False
        context.minimum_version = context.maximum_version = version
        return context

    def _talk(self, address: Address, context: ssl.SSLContext | None, name: str = "localhost") -> bytes:
        with socket.create_connection((address.host, address.port), timeout=30) as plain:
            if context is None:
                plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
                return plain.recv(100)
            with context.wrap_socket(plain, server_hostname=name) as secure:
                secure.sendall(b"GET / HTTP/1.0\r\n\r\n")
                return secure.recv(100)

    def _ask_at_once(self, address: Address, context: ssl.SSLContext, question: bytes) -> bytes:
        """Return the answer to a question that is sent in one piece with the end of the handshake."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        secure = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
        with socket.create_connection((address.host, address.port), timeout=30) as plain:

            def until_done(work: Callable[[], T]) -> T:
                while True:
                    try:
                        return work()
                    except ssl.SSLWantReadError:
                        plain.sendall(outgoing.read())
                        incoming.write(plain.recv(65_536))

            until_done(secure.do_handshake)
            secure.write(question)
            return until_done(lambda: secure.read(1000))

    async def _refused(self, talk: Callable[[Address], object]) -> tuple[str, str]:
        """Why the server refuses, and what the other side makes of it."""
        server = Side(Role.SLAVE)
        address = await listening(self, self.pki.right(Role.MASTER), server)
        try:
            heard = str(await deferToThread(talk, address))
        except ssl.SSLError as error:
            heard = error.reason
        return await server.refusal, heard

    async def test_no_certificate(self) -> None:
        """Without a certificate nobody comes in."""
        context = self._context(ssl.TLSVersion.TLSv1_3)
        why, heard = await self._refused(lambda address: self._talk(address, context))
        assert why == "it showed no certificate"
        assert "CERTIFICATE_REQUIRED" in heard

    async def test_question_with_the_end_of_the_handshake(self) -> None:
        """A question in one piece with the last word of the handshake is answered by the session that this begins."""
        credentials = self.pki.right(Role.SLAVE)
        context = self._context(ssl.TLSVersion.TLSv1_3)
        context.load_cert_chain(credentials.certificate, credentials.key)
        address = await listening(self, self.pki.right(Role.MASTER), Side(Role.SLAVE))
        question = AmpBox(_ask=b"1", _command=b"Ping", m=b"\x80")
        heard = await deferToThread(self._ask_at_once, address, context, question.serialize())
        assert parseString(heard) == [AmpBox(_answer=b"1", m=b"\x80")]

    async def test_older_tls(self) -> None:
        """With TLS 1.2 nobody comes in, not even with the right certificate."""
        credentials = self.pki.right(Role.SLAVE)
        context = self._context(ssl.TLSVersion.TLSv1_2)
        context.load_cert_chain(credentials.certificate, credentials.key)
        why, heard = await self._refused(lambda address: self._talk(address, context))
        assert why == "it does not speak TLS 1.3"
        assert "PROTOCOL_VERSION" in heard

    async def test_no_tls(self) -> None:
        """Who comes without TLS is told nothing of use."""
        why, heard = await self._refused(lambda address: self._talk(address, None))
        assert why == "it does not speak TLS"
        assert "builder" not in heard

    async def test_https(self) -> None:
        """A browser that believes the farm's CA sees the master's certificate under its host name, and shows none."""
        shown = self.pki.right(Role.MASTER, hosts=["farm.example.org"])
        https = HttpTls(certificate=shown.certificate, key=shown.key)
        port: Any = await listen_https(reactor, LOOPBACK, https, Factory.forProtocol(Greeting))
        self.addCleanup(port.stopListening)
        address = Address(host="127.0.0.1", port=port.getHost().port)
        context = ssl.create_default_context(cafile=self.pki.folder / "ca.pem")
        assert await deferToThread(self._talk, address, context, "farm.example.org") == b"hello"
        with pytest.raises(ssl.SSLCertVerificationError):
            await deferToThread(self._talk, address, context, "other.example.org")


class StartTests(TlsTestCase):
    """What cannot be started says so in one sentence."""

    async def test_files(self) -> None:
        """Credentials that cannot be used are refused with the file that is wrong."""
        good, other = self.pki.right(Role.SLAVE), self.pki.right(Role.SLAVE, "other")
        empty = self.pki.folder / "empty"
        empty.write_bytes(b"")
        for credentials, sentence in [
            (Credentials(ca=empty, certificate=good.certificate, key=good.key), "empty holds no CA certificate"),
            (Credentials(ca=good.ca, certificate=empty, key=good.key), "empty holds no certificate"),
            (Credentials(ca=good.ca, certificate=good.certificate, key=other.key), "is not the key of"),
            (Credentials(ca=good.ca, certificate=good.certificate, key=empty), "is not the key of"),
            (
                Credentials(ca=self.pki.folder / "none", certificate=good.certificate, key=good.key),
                os.strerror(errno.ENOENT),
            ),
        ]:
            with pytest.raises(InvalidError) as refusal:
                client_endpoint(reactor, LOOPBACK, credentials)
            assert sentence in str(refusal.value)

    async def test_address_in_use(self) -> None:
        """An address that is taken is named, with the reason."""
        credentials = self.pki.right(Role.MASTER)
        address = await listening(self, credentials, Side(Role.SLAVE))
        with pytest.raises(UnavailableError) as refusal:
            await listen(reactor, address, credentials, Side(Role.SLAVE).factory)
        assert f"cannot listen on 127.0.0.1:{address.port}: " in str(refusal.value)
        assert "in use" in str(refusal.value)
