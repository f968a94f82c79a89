"""HTTP without a network: a client for a site, over a transport in memory that can be full or cut."""

from collections.abc import Mapping
from typing import Any, TypeVar, cast

import msgspec
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.web.server import Site
from typing_extensions import override

T = TypeVar("T")


class Reply:
    """What a server has sent so far, taken apart; `whole` says whether its body has an end."""

    def __init__(self, raw: bytes) -> None:
        head, _, rest = raw.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        self.status = int(first.split()[1])
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        chunked = self.headers.get("transfer-encoding") == "chunked"
        length = int(self.headers.get("content-length", 0))
        self.body, self.whole = _unchunked(rest) if chunked else (rest, len(rest) >= length)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    def json(self, what: type[T]) -> T:
        """The body as a value."""
        return msgspec.json.decode(self.body, type=what)


def _unchunked(data: bytes) -> tuple[bytes, bool]:
    body = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        length = int(size, 16)
        if not length:
            return body, True
        body, data = body + data[:length], data[length + 2 :]
    return body, False


class _Transport(StringTransport):
    """A transport that tells its protocol when it is closed."""

    protocol: Any
    producer: Any

    @override
    def loseConnection(self) -> None:
        if self.connected:
            self.connected = False
            self.protocol.connectionLost(Failure(ConnectionDone()))

    @override
    def abortConnection(self) -> None:
        self.loseConnection()

    @override
    def unregisterProducer(self) -> None:
        self.producer = None  # a second time is no mistake, as with real transports


class Exchange:
    """A connection, and what came back on it."""

    def __init__(self, site: Site) -> None:
        self._transport = _Transport(lenient=True)
        self._transport.protocol = channel = cast("Any", site.buildProtocol(None))
        self.accepted = channel is not None
        if self.accepted:
            channel.makeConnection(self._transport)

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._transport.protocol.dataReceived(data)

    def ask(self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> None:
        """Send a request."""
        given = {"Host": "farm.example:8441", **({"Content-Length": str(len(body))} if body else {}), **(headers or {})}
        lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
        self.send(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body)

    @property
    def raw(self) -> bytes:
        """All that came back."""
        return bytes(self._transport.value())

    @property
    def reply(self) -> Reply:
        """The reply as far as it is there."""
        return Reply(self.raw)

    def is_open(self) -> bool:
        """Whether the server has kept the connection."""
        return bool(self._transport.connected)

    def full(self) -> None:
        """The client reads nothing: what the server writes piles up."""
        self._transport.producer.pauseProducing()

    def drained(self) -> None:
        """The client has read all of it."""
        self._transport.producer.resumeProducing()

    def leave(self) -> None:
        """The client closes the connection."""
        self._transport.loseConnection()


class Client:
    """Asks a site, each request on a connection of its own."""

    def __init__(self, site: Site, token: str | None = None) -> None:
        self._site = site
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}

    def start(self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Exchange:
        """Send a request whose reply may take its time."""
        exchange = Exchange(self._site)
        exchange.ask(method, path, {**self._headers, **(headers or {})}, body)
        return exchange

    def request(self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Reply:
        """Send a request and take its whole reply."""
        exchange = self.start(method, path, headers, body)
        reply = exchange.reply
        if method != "HEAD":
            assert reply.whole, reply.text
        exchange.leave()
        return reply

    def get(self, path: str, **headers: str) -> Reply:
        """GET; headers are written with `_` for `-`."""
        return self.request("GET", path, {name.replace("_", "-"): value for name, value in headers.items()})

    def post(self, path: str, body: object) -> Reply:
        """POST text as it is, or a value as JSON."""
        return self.request("POST", path, body=body.encode() if isinstance(body, str) else msgspec.json.encode(body))
