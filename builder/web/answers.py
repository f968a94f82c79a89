"""Answers of handlers, besides a value of the model, which is sent as JSON."""

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

JSON = "application/json"
HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The policy of our pages: they load their own style, script and picture and nothing else; inline ones are refused."""

DATA_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
"""The policy of logs and files, which come from builds: whatever a browser takes them for, it runs none of it."""

SECURITY: Mapping[str, str] = {
    "Content-Security-Policy": DATA_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
"""The headers of every answer, unless it says otherwise.

`Strict-Transport-Security` is left out on purpose: browsers apply it to all ports of a host, and the farm's port is
not the only one there.
"""


def _nothing() -> None:
    """Release nothing."""


@dataclass(frozen=True, kw_only=True)
class Stream:
    """A body that is made while it is sent, piece by piece, no faster than it is read.

    `length` is its size in bytes where that is known. A stream that `follows` something waits for news without end
    and takes one of the seats for followers. `close` is called at the end, even if the stream was never read.
    """

    chunks: AsyncGenerator[bytes, None]
    length: int | None = None
    follows: bool = False
    close: Callable[[], None] = _nothing


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Status, type and body; `headers` go over those of `SECURITY`."""

    status: int = 200
    content_type: str
    body: bytes | Stream = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def follows(self) -> bool:
        """Tell if the answer goes on until something ends, or the client leaves."""
        return isinstance(self.body, Stream) and self.body.follows


def json(value: Any, status: int = 200) -> Answer:
    """Return a value of the model, or a tuple of them, as JSON; it tells of now, so nobody keeps it."""
    return Answer(
        status=status, content_type=JSON, body=msgspec.json.encode(value) + b"\n", headers={"Cache-Control": "no-store"}
    )


def text(body: str, content_type: str = TEXT) -> Answer:
    """Return a text that is asked for again before it is used again."""
    return Answer(content_type=content_type, body=body.encode(), headers={"Cache-Control": "no-cache"})


def page(body: str, status: int = 200) -> Answer:
    """Return one of our own pages."""
    headers = {"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-cache"}
    return Answer(status=status, content_type=HTML, body=body.encode(), headers=headers)
