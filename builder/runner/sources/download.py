"""The download of a released source over HTTP, with bounds."""

import contextlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from builder.attempt import disk
from builder.attempt.endings import broken, failed
from builder.model.attempt import FailureKind

LARGEST = 4 << 30
"""Bytes of the largest file."""
SILENCE = 60.0
"""Seconds for which a server may say nothing."""
TRIES = 3
_BLOCK = 1 << 20


_HANDLERS = (
    urllib.request.ProxyHandler,
    urllib.request.HTTPHandler,
    urllib.request.HTTPSHandler,
    urllib.request.HTTPDefaultErrorHandler,
    urllib.request.HTTPRedirectHandler,
    urllib.request.HTTPErrorProcessor,
    urllib.request.UnknownHandler,
)
"""The handlers of HTTP alone: a redirection could ask for whatever else urllib speaks."""


def download(url: str, target: Path, say: Callable[[str], None]) -> None:
    """Write the content of `url` to `target`; `say` is told about each try.

    Raises:
        EndedError: The server does not have it (the package's fault), or does not answer (the farm's).
    """
    reason = ""
    for tries_left in reversed(range(TRIES)):
        say(f"downloading {url}")
        try:
            _fetch(url, target)
        except urllib.error.HTTPError as error:
            reason = f"{error.code} {error.reason}"
            error.close()
            if error.code < 500 and error.code not in {408, 429}:
                raise failed(FailureKind.SOURCES, f"{url} cannot be downloaded: {reason}") from error
        except (ValueError, http.client.InvalidURL) as error:
            raise failed(FailureKind.SOURCES, f"{url} is no address to download from: {error}") from error
        except (OSError, http.client.HTTPException) as error:
            if disk.is_full(error):
                raise
            reason = str(getattr(error, "reason", error))
        else:
            return
        say(f"{reason}, {tries_left} tries left")
    raise broken(f"{url} cannot be downloaded: {reason}")


def _fetch(url: str, target: Path) -> None:
    opener = urllib.request.OpenerDirector()
    for handler in _HANDLERS:
        opener.add_handler(handler())
    request = urllib.request.Request(url, headers={"User-Agent": "builder"})  # noqa: S310 - the caller's scheme is HTTP
    if not request.host:
        raise ValueError("it names no host")
    with contextlib.closing(opener.open(request, timeout=SILENCE)) as answer, target.open("wb") as file:
        expected, size = answer.headers.get("Content-Length"), 0
        if expected is not None and not expected.isdecimal():
            raise failed(FailureKind.SOURCES, f"{url} cannot be downloaded: its length is said to be {expected[:40]!r}")
        while block := answer.read(_BLOCK):
            size += len(block)
            if size > LARGEST:
                raise failed(FailureKind.SOURCES, f"{url} is larger than {LARGEST} bytes")
            file.write(block)
        if expected is not None and size != int(expected):
            raise http.client.IncompleteRead(b"", int(expected) - size)
