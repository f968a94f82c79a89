"""The conversation with one peer: questions and answers of `builder.wire` in AMP boxes.

A question is the box `_ask` (a number of the asker's), `_command` (the request's name) and `m` (its fields in
MessagePack); the answer is `_answer` and `m`, or `_error`, `_error_code` (a tag of `builder.errors`) and
`_error_description`. Twisted's AMP gives the boxes; who may say what and how mistakes end is decided here, because
AMP's own dispatcher trusts its peer: there an argument that does not parse drops the connection, an answer nobody
asked for raises, and anybody may say `StartTLS`.

* Nothing is said before the handshake is complete, since until then nobody knows who the peer is. Its role must be
  one of those that this side accepts, and the connection ends with its certificate.
* A question that cannot be answered is answered with an error, and the connection stays: unknown requests, fields
  that do not decode, roles that may not ask, and bugs, which are logged under an incident id.
* What is not a question, an answer or an error closes the connection. An answer nobody waits for (any more) is ignored.
* At most `MAX_ASKS` questions are unanswered in each direction.
"""

import contextlib
import itertools
import secrets
import typing
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import msgspec
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IAddress, IDelayedCall, IHandshakeListener, IReactorTime
from twisted.internet.protocol import Factory, connectionDone
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.protocols.amp import ANSWER, ASK, COMMAND, ERROR, ERROR_CODE, ERROR_DESCRIPTION, AmpBox
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from builder.boxes import BoundedBoxes
from builder.certificates import Identity, identity_of
from builder.clock import background, sleep
from builder.errors import (
    BY_TAG,
    BuilderError,
    ForbiddenError,
    InternalError,
    InvalidError,
    TooLargeError,
    UnavailableError,
)
from builder.model import Value
from builder.wire import PROTOCOL_VERSION, REQUESTS, Done, Ping, Request, Role

MESSAGE = b"m"
MAX_MESSAGE = 65_535
"""Bytes at which an AMP value ends."""
MAX_TAG = 32
"""The longest `_ask` that is taken, in bytes."""
MAX_ASKS = 1024
MAX_DESCRIPTION = 8192
"""Bytes at which an error's sentence is cut."""
HANDSHAKE_SECONDS = 15.0

_log = Logger()
A = TypeVar("A", bound=Value)

Handlers = Mapping[type[Request[Any]], Callable[[Any], Awaitable[Value]]]
"""The functions that answer requests, by their types; `Ping` is answered by the protocol itself."""

_BY_NAME = {request.__name__.encode(): request for request in REQUESTS}
_DECODERS: dict[type[Value], msgspec.msgpack.Decoder[Any]] = {
    kind: msgspec.msgpack.Decoder(kind) for request in REQUESTS for kind in (request, request.answer)
}
_encode = msgspec.msgpack.Encoder().encode
ALWAYS = (InternalError, InvalidError, ForbiddenError)
"""The errors that every request may meet, besides those that it declares."""


class Session(typing.Protocol):
    """A session: what one connection means to this side, from the end of the handshake on."""

    def handlers(self) -> Handlers:
        """Return the requests that this side answers; asked for once, before the peer's first question is looked at."""
        ...

    def disconnected(self, reason: str) -> None:
        """Note that the connection has ended; questions that were unanswered have failed before."""
        ...


class _Question(typing.NamedTuple):
    request: type[Request[Any]]
    answer: Deferred[Any]


@implementer(IHandshakeListener)
class Peer(BoundedBoxes):
    """A connected peer.

    Attributes:
        identity: The identity of the other side, once it is no stranger.
        stranger: True while the handshake is still to come, or if it has shown nobody who is accepted here.
        proven: True if the other side has answered anything, and so has accepted this one.
        closed: Fires with the reason when the connection has ended, for the one who made the connection.
    """

    identity: Identity
    stranger = True
    proven = False

    def __init__(self, clock: IReactorTime, terms: "PeerFactory") -> None:
        super().__init__(clock)
        self._terms = terms
        self._session: Session | None = None
        self._handlers: Handlers = {}
        self._asked: dict[bytes, _Question] = {}
        self._tags = itertools.count(1)
        self._answering = 0
        self._pings = LoopingCall(self._ping)
        self._pings.clock = clock
        self._deadline: IDelayedCall | None = None
        self.closed: Deferred[str] = Deferred()

    def ask(self, request: Request[A], within: float = 30.0) -> Deferred[A]:
        """Send a request; the Deferred fires with its answer, or fails with the error that the peer answers.

        Raises, by the Deferred:
            UnavailableError: No answer came within `within` seconds, the connection is lost or not yet there, or
                `MAX_ASKS` questions are unanswered.
            TooLargeError: The request does not fit into a box.
            InvalidError: The request cannot be encoded.
        """
        kind = type(request)
        if self.stranger or self.closing:
            return fail(UnavailableError(f"{kind.__name__} was not sent: there is no connection"))
        if len(self._asked) >= MAX_ASKS:
            return fail(UnavailableError(f"{kind.__name__} was not sent: {self.identity} owes {MAX_ASKS} answers"))
        try:
            message = _fitting(_encode(request))
        except TooLargeError as error:
            return fail(error)
        except (ValueError, OverflowError) as error:
            return fail(InvalidError(f"{kind.__name__} cannot be sent: {error}"))
        tag = b"%x" % next(self._tags)
        answer: Deferred[A] = Deferred(lambda _: self._forget(tag))
        self._asked[tag] = _Question(kind, answer)
        self.sendBox(AmpBox({ASK: tag, COMMAND: kind.__name__.encode(), MESSAGE: message}))
        return answer.addTimeout(within, self._clock, lambda *_: self._overdue(kind, within))

    def _forget(self, tag: bytes) -> None:
        self._asked.pop(tag, None)

    def _overdue(self, kind: type[Request[Any]], within: float) -> typing.NoReturn:
        raise UnavailableError(f"{self.identity} has not answered {kind.__name__} within {within:g} seconds")

    @override
    def connectionMade(self) -> None:
        """Wait for the handshake."""
        super().connectionMade()
        why = f"the handshake was not complete within {HANDSHAKE_SECONDS:g} seconds"
        self._deadline = self._clock.callLater(HANDSHAKE_SECONDS, self.abort, why)

    def handshakeCompleted(self) -> None:
        """Look who the peer is: the farm's CA has signed its certificate."""
        certificate = self.transport.getPeerCertificate().to_cryptography()
        try:
            identity = identity_of(certificate)
        except InvalidError as error:
            self.close(str(error))
        else:
            self.authenticated(identity, certificate.not_valid_after_utc.timestamp() - self._terms.now())

    def authenticated(self, identity: Identity, seconds: float) -> None:
        """Begin the session, if the peer's role is accepted; its certificate is valid for `seconds` from now on."""
        self._cancel_deadline()
        if identity.role not in self._terms.accepts:
            self.close(f"{identity} is refused: a {identity.role.value} has no business here")
            return
        self.identity = identity
        self.stranger = False
        why = f"the certificate of {identity} has expired"
        self._deadline = self._clock.callLater(max(0.0, seconds), self.close, why)
        self._session = self._terms.session_for(self)
        self._handlers = {Ping: _pong, **self._session.handlers()}
        if self._terms.ping_every:
            background("Pinging", self._pings.start(self._terms.ping_every))

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Fail all unanswered questions, then tell the session."""
        self._cancel_deadline()
        if self._pings.running:
            self._pings.stop()
        super().connectionLost(reason)

    def stopReceivingBoxes(self, reason: Failure) -> None:
        """End the session: no box comes any more."""
        why = str(reason.value)
        asked, self._asked = self._asked, {}
        for question in asked.values():
            question.answer.errback(UnavailableError(f"the connection to {self.identity} was lost: {why}"))
        try:
            if self._session:
                self._session.disconnected(why)
            else:
                self._terms.refused(self.transport.getPeer(), why)
        finally:
            self.closed.callback(why)

    def ampBoxReceived(self, box: AmpBox) -> None:
        """Take a box: a question, an answer or an error."""
        if self._session is None:
            self.close("it spoke before the handshake was complete")
        elif ANSWER in box:
            self._answered(box[ANSWER], box.get(MESSAGE, b""))
        elif ERROR in box:
            self._refused(box[ERROR], box.get(ERROR_CODE, b""), box.get(ERROR_DESCRIPTION, b""))
        elif COMMAND in box and 0 < len(box.get(ASK, b"")) <= MAX_TAG:
            background("Answering", self._serve(box[ASK], box[COMMAND], box.get(MESSAGE, b"")))
        else:
            self.close("it sent a box that is neither a question nor an answer nor an error")

    def _answered(self, tag: bytes, message: bytes) -> None:
        question = self._asked.pop(tag, None)
        if question is None:
            return
        self.proven = True
        try:
            answer = _decode(question.request.answer, message)
        except InvalidError as error:
            question.answer.errback(InternalError(f"the answer of {self.identity} is wrong: {error}"))
        else:
            question.answer.callback(answer)

    def _refused(self, tag: bytes, code: bytes, description: bytes) -> None:
        question = self._asked.pop(tag, None)
        if question is None:
            return
        self.proven = True
        lines = description.decode(errors="replace").split("\n")
        error = BY_TAG.get(code, InternalError)
        question.answer.errback(InvalidError(*lines) if error is InvalidError else error("\n".join(lines)))

    async def _serve(self, tag: bytes, command: bytes, message: bytes) -> None:
        """Answer one question, in whatever way it ends."""
        self._answering += 1
        try:
            answer = AmpBox({ANSWER: tag, MESSAGE: await self._reply(command, message)})
        except BuilderError as error:
            description = str(error).encode(errors="replace")[:MAX_DESCRIPTION]
            answer = AmpBox({ERROR: tag, ERROR_CODE: error.tag, ERROR_DESCRIPTION: description})
        finally:
            self._answering -= 1
        self.sendBox(answer)

    async def _reply(self, command: bytes, message: bytes) -> bytes:
        kind = _BY_NAME.get(command)
        if kind is None:
            raise InvalidError(f"{command[:40]!r} is not a request of version {PROTOCOL_VERSION} of the protocol")
        if self.identity.role not in kind.senders:
            raise ForbiddenError(f"a {self.identity.role.value} may not send {kind.__name__}")
        handler = self._handlers.get(kind)
        if handler is None:
            raise InvalidError(f"{kind.__name__} is not answered here")
        if self._answering > MAX_ASKS:
            raise UnavailableError(f"{MAX_ASKS} questions are unanswered: wait for their answers")
        request = _decode(kind, message)
        try:
            return _fitting(_encode(await handler(request)))
        except Exception as error:
            if isinstance(error, (*ALWAYS, *kind.failures)):
                raise
            incident = self._terms.incident()
            _log.failure(
                "incident {incident}: {name} of {peer}", incident=incident, name=kind.__name__, peer=self.identity
            )
            raise InternalError(f"{kind.__name__} met a bug; the other side's log has incident {incident}") from error

    async def _ping(self) -> None:
        """Ask if the peer is there; not its answer but its silence decides."""
        every = self._terms.ping_every
        with contextlib.suppress(BuilderError):
            await self.ask(Ping(), within=every)
        if self.silence() >= every:
            # After a time in which this process could not run, timers go before what has arrived meanwhile.
            await sleep(self._clock, 0)
        if self.silence() >= every:
            self.abort(f"nothing was heard for {every:g} seconds")

    def _cancel_deadline(self) -> None:
        if self._deadline and self._deadline.active():
            self._deadline.cancel()


async def _pong(_: Ping) -> Done:
    return Done()


def _decode(kind: type[A], message: bytes) -> A:
    try:
        return typing.cast("A", _DECODERS[kind].decode(message))
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise InvalidError(f"{kind.__name__}: {error}") from error


def _fitting(message: bytes) -> bytes:
    if len(message) > MAX_MESSAGE:
        raise TooLargeError(f"the message has {len(message)} bytes; it may have {MAX_MESSAGE}")
    return message


def log_refusal(address: IAddress, why: str) -> None:
    """Log that a connection never became a session."""
    _log.info("a connection with {address} was refused: {why}", address=address, why=why)


def _incident() -> str:
    return secrets.token_hex(6)


class PeerFactory(Factory):
    """A factory that makes a `Peer` of each connection.

    Attributes:
        accepts: The roles that a peer may have.
        session_for: Makes the session of a peer whose certificate and role are right, and which can be asked.
        now: The time in seconds since the epoch, by which certificates end.
        ping_every: Seconds of silence after which this side asks if the peer is there; 0 is never.
        incident: Makes the id under which a bug is logged.
        refused: Told of a connection that never became a session.
    """

    noisy = False

    def __init__(
        self,
        clock: IReactorTime,
        accepts: frozenset[Role],
        session_for: Callable[[Peer], Session],
        *,
        now: Callable[[], float],
        ping_every: float = 0.0,
        incident: Callable[[], str] = _incident,
        refused: Callable[[IAddress, str], None] = log_refusal,
    ) -> None:
        self._clock = clock
        self.accepts = accepts
        self.session_for = session_for
        self.now = now
        self.ping_every = ping_every
        self.incident = incident
        self.refused = refused

    @override
    def buildProtocol(self, addr: IAddress | None) -> Peer:
        """Return the peer of a connection."""
        return Peer(self._clock, self)
