"""Repositories over a real connection: what a client and a cache in front may rely on."""

import http.client
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec
from twisted.internet import reactor
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase
from typing_extensions import override

from builder.clock import deferred
from builder.config import Address
from builder.model.operation import NumberedOperation
from builder.web.service import listen
from builder.web.stored import ASK_AGAIN, FOREVER
from tests.support.repositories import Workbench
from tests.support.rpms import deliver, order_of, rpms
from tests.support.small_farm import SmallFarm

T = TypeVar("T")
_REACTOR: Any = reactor
BASE = "/repos/hello/testing/fedora-43"
TREE = f"{BASE}/x86_64"


class Got(NamedTuple):
    """An answer."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


class ServingTest(TestCase):
    """A repository with two generations, made by the repository builder, and the master's own port."""

    timeout = 120

    @override
    def setUp(self) -> Deferred[None]:  # type: ignore[override]  # trial waits for it
        return deferred(self._begin())

    async def _begin(self) -> None:
        self.state = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.state)
        self.bench = Workbench(self.state)
        self.publish(1, "1.0")
        self.publish(2, "1.1")
        farm = SmallFarm(self.state).farm
        config = msgspec.structs.replace(farm.config, http=Address(host="127.0.0.1", port=0))
        port: Any = await listen(_REACTOR, farm, config)
        self.addCleanup(maybeDeferred, port.stopListening)
        self.port = port.getHost().port

    def publish(self, number: int, version: str) -> None:
        order = order_of(number)
        deliver(self.state, order, rpms("hello", version=version))
        self.bench.operations.carry_out([NumberedOperation(number=number, operation=order)])

    async def get(self, path: str, method: str = "GET", **headers: str) -> Got:
        """What the farm answers; `If_None_Match` is written so."""

        def asked() -> Got:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, headers=named)
            with connection.getresponse() as answer:
                got = Got(answer.status, answer.headers, answer.read())
            connection.close()
            return got

        return await _aside(asked)

    async def test_what_may_be_kept_and_what_is_asked_for_again(self) -> None:
        """Everything below a generation is for ever; what points to one, and what such a pointer leads to, never."""
        for path, keep in {
            f"{TREE}/generations/1/repodata/repomd.xml": FOREVER,
            f"{TREE}/generations/2/repodata/repomd.xml": FOREVER,
            f"{TREE}/generations/2/Packages/h/hello-1.1-1.noarch.rpm": FOREVER,
            f"{TREE}/repodata/repomd.xml": ASK_AGAIN,
            f"{TREE}/Packages/h/hello-1.1-1.noarch.rpm": ASK_AGAIN,
            f"{TREE}/mirrorlist": ASK_AGAIN,
            f"{BASE}/hello-testing.repo": ASK_AGAIN,
        }.items():
            got = await self.get(path)
            assert (got.status, got.headers["Cache-Control"]) == (200, keep), path
        gone = await self.get(f"{TREE}/generations/9/repodata/repomd.xml")
        assert (gone.status, gone.headers["Cache-Control"]) == (404, "no-store")

    async def test_what_a_client_has_is_not_sent_again(self) -> None:
        """`304` for who names the `ETag`, until the pointer leads elsewhere; a generation's own never changes."""
        pointer, fixed = f"{TREE}/repodata/repomd.xml", f"{TREE}/generations/2/repodata/repomd.xml"
        tags = {path: (await self.get(path)).headers["ETag"] for path in (pointer, fixed)}
        for path, tag in tags.items():
            known = await self.get(path, If_None_Match=tag)
            assert (known.status, known.body, known.headers["ETag"]) == (304, b"", tag)
        self.publish(3, "1.2")
        assert (await self.get(pointer, If_None_Match=tags[pointer])).status == 200
        assert (await self.get(fixed, If_None_Match=tags[fixed])).status == 304
        assert (await self.get(f"{TREE}/mirrorlist")).body.endswith(b"/generations/3/\n")

    async def test_a_download_that_was_cut_goes_on(self) -> None:
        """Ranges put together are the file, byte by byte; a range of another file is answered with all of it."""
        path = f"{TREE}/generations/2/Packages/h/hello-1.1-1.noarch.rpm"
        whole = rpms("hello", version="1.1")[0].read_bytes()
        head = await self.get(path, method="HEAD")
        assert (head.body, head.headers["Content-Length"]) == (b"", str(len(whole)))
        assert head.headers["Accept-Ranges"] == "bytes"
        first = await self.get(path, Range="bytes=0-999")
        rest = await self.get(path, Range="bytes=1000-", If_Range=head.headers["ETag"])
        assert (first.status, rest.status) == (206, 206)
        assert rest.headers["Content-Range"] == f"bytes 1000-{len(whole) - 1}/{len(whole)}"
        assert first.body + rest.body == whole
        assert (await self.get(path, Range="bytes=-10")).body == whole[-10:]
        assert (await self.get(path, Range="bytes=1000-", If_Range='"another"')).body == whole
        beyond = await self.get(path, Range=f"bytes={len(whole)}-")
        assert (beyond.status, beyond.headers["Content-Range"]) == (416, f"bytes */{len(whole)}")


async def _aside(work: Callable[[], T]) -> T:
    return await deferToThread(work)
