"""Mutual TLS 1.3 between the daemons of one farm.

Each side shows its certificate and demands the other's; OpenSSL verifies the chain against the farm's CA and nothing
else. A dialled master is not asked for a host name: that the farm's own CA calls it the master is the proof. The role
is looked at by `builder.protocol` once the handshake is complete.

In TLS 1.3 a client has completed its handshake before the server has seen its certificate. A refused client therefore
believes itself connected for a moment, then loses the connection with an alert that says why; `explain` reads it.

Sessions are not resumed: with a resumed one nobody would look at the certificate again.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from OpenSSL import SSL, crypto
from twisted.internet.endpoints import HostnameEndpoint, TCP4ServerEndpoint, TCP6ServerEndpoint, wrapClientTLS
from twisted.internet.error import CannotListenError, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IAddress,
    IListeningPort,
    IOpenSSLClientConnectionCreator,
    IOpenSSLServerConnectionCreator,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from builder.config import Address, Credentials, HttpTls
from builder.errors import InvalidError, UnavailableError

_REFUSED_HERE = {
    9: "it is not valid yet (compare the clocks)",  # X509_V_ERR_CERT_NOT_YET_VALID
    10: "it has expired",  # X509_V_ERR_CERT_HAS_EXPIRED
    18: "it is self-signed",  # X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT
    19: "it is of another farm's CA",  # X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN
    20: "it is of another farm's CA",  # X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY
    21: "it is of another farm's CA",  # X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE
    26: "it is not for this side of a connection",  # X509_V_ERR_INVALID_PURPOSE
}
"""OpenSSL's verdicts on a certificate (openssl-verification-options(1), x509_vfy.h)."""

_ALERTS = {
    (SSL.SSL_CB_READ_ALERT, 42): "it refuses our certificate: it is broken, or not valid yet (compare the clocks)",
    (SSL.SSL_CB_READ_ALERT, 43): "it refuses our certificate: it is not for this side of a connection",
    (SSL.SSL_CB_READ_ALERT, 45): "it refuses our certificate: it has expired",
    (SSL.SSL_CB_READ_ALERT, 48): "it refuses our certificate: it is of another farm's CA",
    (SSL.SSL_CB_READ_ALERT, 70): "it does not speak TLS 1.3",
    (SSL.SSL_CB_READ_ALERT, 116): "it demands a certificate",
    (SSL.SSL_CB_WRITE_ALERT, 116): "it showed no certificate",
}
"""The meanings of the alerts that we hear and say (RFC 8446 §6); OpenSSL's words for them change with its versions."""

_REASONS = (
    ("unsupported protocol", "it does not speak TLS 1.3"),
    ("wrong version number", "it does not speak TLS"),
    ("http request", "it does not speak TLS"),
)
"""The meanings of OpenSSL's reasons where no alert says it."""


async def listen(reactor: Any, address: Address, credentials: Credentials, factory: IProtocolFactory) -> IListeningPort:
    """Take connections from daemons of the farm.

    Raises:
        InvalidError: The credentials cannot be used.
        UnavailableError: The address cannot be listened on.
    """
    return await _listen(reactor, address, _mutual(credentials), factory)


async def listen_https(reactor: Any, address: Address, shown: HttpTls, factory: IProtocolFactory) -> IListeningPort:
    """Take connections from browsers and command lines, which show no certificate; they may speak TLS 1.2.

    Raises:
        InvalidError: The certificate cannot be used.
        UnavailableError: The address cannot be listened on.
    """
    context = _context(shown.certificate, shown.key)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    return await _listen(reactor, address, context, factory)


def client_endpoint(reactor: Any, address: Address, credentials: Credentials) -> IStreamClientEndpoint:
    """Return the endpoint that dials a daemon of the farm.

    Raises:
        InvalidError: The credentials cannot be used.
    """
    dialled = HostnameEndpoint(reactor, address.host, address.port)
    return wrapClientTLS(_Connections(_mutual(credentials)), dialled)


def explain(reason: Failure, transport: Any) -> str:
    """Return the reason why a connection was lost, in words for a person; "it" is the other side."""
    if reason.check(ConnectionDone):
        return "it closed the connection"
    if reason.check(ConnectionLost):
        return "the connection broke"
    if not reason.check(SSL.Error):
        return reason.getErrorMessage()
    told = transport.getHandle().get_app_data()
    if isinstance(told, str):
        return told
    text = str(reason.value)
    return next((meaning for fragment, meaning in _REASONS if fragment in text), f"TLS failed: {text}")


@implementer(IOpenSSLClientConnectionCreator, IOpenSSLServerConnectionCreator)
class _Connections:
    """A maker of the TLS side of each connection, in the same way for both ends."""

    def __init__(self, context: SSL.Context) -> None:
        self._context = context

    def clientConnectionForTLS(self, _: TLSMemoryBIOProtocol) -> SSL.Connection:
        """Return the TLS side of a connection that we dialled."""
        return SSL.Connection(self._context, None)

    def serverConnectionForTLS(self, _: TLSMemoryBIOProtocol) -> SSL.Connection:
        """Return the TLS side of a connection that the other side dialled."""
        return SSL.Connection(self._context, None)


class _Entry(TLSMemoryBIOFactory):
    """A factory that lets the wrapped one refuse a connection, which then costs no TLS.

    Twisted's own would fail on it later.
    """

    @override
    def buildProtocol(  # type: ignore[override]  # a listening port takes None, as of every factory
        self, addr: IAddress | None
    ) -> TLSMemoryBIOProtocol | None:
        """Return the TLS side of a new connection, None if it is refused."""
        inner = self.wrappedFactory.buildProtocol(addr)
        return None if inner is None else self.protocol(self, inner)


async def _listen(reactor: Any, address: Address, context: SSL.Context, factory: IProtocolFactory) -> IListeningPort:
    return await listen_plainly(reactor, address, _Entry(_Connections(context), False, factory, reactor))


async def listen_plainly(reactor: Any, address: Address, factory: IProtocolFactory) -> IListeningPort:
    """Listen on a TCP port, without TLS.

    Raises:
        UnavailableError: The address cannot be listened on.
    """
    endpoint = TCP6ServerEndpoint if ":" in address.host else TCP4ServerEndpoint
    try:
        port: IListeningPort = await endpoint(reactor, address.port, interface=address.host).listen(factory)
    except CannotListenError as error:
        raise UnavailableError(f"cannot listen on {address.host}:{address.port}: {error.socketError}") from error
    return port


def _mutual(credentials: Credentials) -> SSL.Context:
    """Return the context in which both sides show a certificate, and the farm's CA is the only one that is believed."""
    context = _context(credentials.certificate, credentials.key)
    context.set_min_proto_version(SSL.TLS1_3_VERSION)
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, _verified)
    context.set_info_callback(_alerted)
    _load(context.load_verify_locations, credentials.ca, "holds no CA certificate")
    return context


def _context(certificate: Path, key: Path) -> SSL.Context:
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_options(SSL.OP_NO_TICKET)
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    _load(context.use_certificate_chain_file, certificate, "holds no certificate")
    _load(context.use_privatekey_file, key, f"is not the key of {certificate}")
    return context


def _load(load: Callable[[str], None], path: Path, complaint: str) -> None:
    """Have OpenSSL read a file; its own messages name neither the file nor the cause."""
    try:
        path.open("rb").close()
        load(str(path))
    except OSError as error:
        raise InvalidError(f"{path} cannot be read: {error.strerror}") from error
    except SSL.Error as error:
        raise InvalidError(f"{path} {complaint}") from error


def _verified(connection: SSL.Connection, _certificate: crypto.X509, verdict: int, _depth: int, ok: int) -> bool:
    """Accept the certificates that OpenSSL accepts, and remember for `explain` why it refused one."""
    if not ok:
        meaning = _REFUSED_HERE.get(verdict, f"OpenSSL says {verdict}")
        connection.set_app_data(f"its certificate is refused: {meaning}")
    return bool(ok)


def _alerted(connection: SSL.Connection, where: int, what: int) -> None:
    """Remember for `explain` the first alert that says why; its number is the last byte of `what`."""
    meaning = _ALERTS.get((where, what & 0xFF))
    if meaning is not None and not isinstance(connection.get_app_data(), str):
        connection.set_app_data(meaning)
