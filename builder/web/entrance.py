"""The entrance of every request: its visitor known, found in the table, let in, read, handled, answered."""

import re
import secrets
from contextlib import closing, nullcontext
from functools import partial
from http import HTTPStatus

from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request
from typing_extensions import override

from builder import __version__
from builder.clock import background, deferred
from builder.errors import BuilderError, InternalError, InvalidError
from builder.master.decisions import permission
from builder.web import answers, sink
from builder.web.answers import SECURITY, Answer, Stream
from builder.web.channel import abort
from builder.web.errors import Failures
from builder.web.followers import Seats
from builder.web.identity import Identify
from builder.web.table import Table
from builder.web.visit import Conditions, Visit

_log = Logger()

VERSION = "Builder-Version"
"""The header by which a client knows that a farm answers, and not something else that listens at its address."""

_HOST = re.compile(r"[A-Za-z0-9._-]{1,255}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")


class Entrance(Resource):
    """The root of the site, and all of it: what is below is the table's business.

    `identify` says who sent a request, whatever it asks for. `url` is how people reach the farm, where that is
    configured; otherwise it is what they say as `Host`.
    """

    isLeaf = True

    def __init__(
        self, table: Table, identify: Identify, failures: Failures, seats: Seats, clock: IReactorTime, url: str | None
    ) -> None:
        super().__init__()
        self._table = table
        self._identify = identify
        self._failures = failures
        self._seats = seats
        self._clock = clock
        self._url = url

    @override
    def render(self, request: Request) -> int:
        """Answer a request, in its own time."""
        background(f"answering {_named(request)}", self._serve(request))
        return NOT_DONE_YET

    async def _serve(self, request: Request) -> None:
        """Answer a request; where even that fails, the client sees the connection end, and does not wait."""
        try:
            await self._send(request, await self._answer(request))
        except CancelledError:
            return
        except Exception:  # noqa: BLE001 - a bug ends this request, not the farm
            _log.failure("sending the answer to {request} failed", request=_named(request))
            abort(request)

    async def _answer(self, request: Request) -> Answer:
        """Return the answer to a request, whatever comes of it; a client that leaves meanwhile interrupts nothing."""
        try:
            return await self._handled(request)
        except BuilderError as error:
            return self._failure(request, error)
        except Exception:  # noqa: BLE001 - a bug ends this request, not the farm
            incident = secrets.token_hex(4)
            _log.failure("incident {incident}: {request} failed", incident=incident, request=_named(request))
            sentence = f"something is wrong here, not with the request; the master's log has it as incident {incident}"
            return self._failure(request, InternalError(sentence))

    async def _handled(self, request: Request) -> Answer:
        body = b"" if request.content is None else request.content.read()  # now: it is closed when the client leaves
        visitor = await self._identify(partial(_header, request))
        found = self._table.find(request.method.decode("latin-1"), _path(request))
        permission.require(visitor, found.route.act, None)
        visit = Visit(visitor=visitor, origin=self._origin(request), conditions=_conditions(request))
        told = await found.route.handler(found.asked(_query(request), body), visit)
        answer = told if isinstance(told, Answer) else answers.json(told)
        if answer.follows:
            self._seats.check()
        return answer

    def _failure(self, request: Request, error: BuilderError) -> Answer:
        return self._failures.answer(error, _header(request, "Accept") or "", self._table.methods(_path(request)))

    async def _send(self, request: Request, answer: Answer) -> None:
        """Send all of an answer, or as much of it as the client stays for."""
        stream = answer.body if isinstance(answer.body, Stream) else Stream(chunks=sink.pieces(answer.body))
        with closing(stream), self._seats.taken() if answer.follows else nullcontext():
            if _gone(request):
                return
            _begin(request, answer)
            if request.method == b"HEAD" or answer.status == HTTPStatus.NOT_MODIFIED:
                request.finish()
                return
            sending = deferred(sink.send(request, stream.chunks, self._clock))
            _ = request.notifyFinish().addErrback(lambda _: sending.cancel())
            await sending

    def _origin(self, request: Request) -> str:
        if self._url is not None:
            return self._url.rstrip("/")
        host = _header(request, "Host") or ""
        if not _HOST.fullmatch(host):
            address = request.getHost()
            host = f"[{address.host}]:{address.port}" if ":" in address.host else f"{address.host}:{address.port}"
        return f"{'https' if request.isSecure() else 'http'}://{host}"


def _begin(request: Request, answer: Answer) -> None:
    request.setResponseCode(answer.status, HTTPStatus(answer.status).phrase.encode())
    own = {"Server": "builder", VERSION: __version__, "Content-Type": answer.content_type}
    headers = {**SECURITY, **own, **answer.headers}
    length = answer.body.length if isinstance(answer.body, Stream) else len(answer.body)
    if length is not None and answer.status != HTTPStatus.NOT_MODIFIED:
        headers["Content-Length"] = str(length)
    for name, value in headers.items():
        request.setHeader(name, value)


def _gone(request: Request) -> bool:
    """Tell if the client has left, or has its answer."""
    return getattr(request, "channel", None) is None


def _named(request: Request) -> str:
    return f"{request.method!r} {request.uri!r}"


def _path(request: Request) -> str:
    return request.path.decode("utf-8", "replace")


def _query(request: Request) -> dict[str, str]:
    try:
        return {name.decode(): values[-1].decode() for name, values in request.args.items()}
    except UnicodeDecodeError:
        raise InvalidError("the address has a parameter that is not UTF-8") from None


def _header(request: Request, name: str) -> str | None:
    value = request.getHeader(name.encode())
    return None if value is None else value.decode("latin-1")


def _conditions(request: Request) -> Conditions:
    return Conditions(
        none_match=_header(request, "If-None-Match"),
        modified_since=_header(request, "If-Modified-Since"),
        range=_header(request, "Range"),
        if_range=_header(request, "If-Range"),
    )
