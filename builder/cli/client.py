"""The farm's API, as the command line reaches it.

The file `client.toml` says where the farm is: its `url`, a `token` for who may change things, and for HTTPS with the
farm's own CA the file `ca`. An error on the way is one sentence: a `UnavailableError` when the farm cannot be reached
or cannot answer, otherwise the error that the farm tells.
"""

import http.client
import json
import os
import ssl
import threading
import time
import tomllib
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from builder.cli import folders
from builder.cli.exits import UsageError
from builder.errors import BY_TAG, BuilderError, InternalError, InvalidError, TooLargeError, UnavailableError

TIMEOUT = 60.0
"""Seconds of silence after which a connection counts as dead; who follows hears something every 20."""

PATIENCE = 300.0
"""Seconds for which somebody who follows waits for a farm that does not answer."""

Query = Mapping[str, str | int | bool | None]


class Settings(NamedTuple):
    """The settings in `client.toml`."""

    url: str
    token: str = ""
    ca: str = ""


def settings_path(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the path of `client.toml`: `$BUILDER_CLIENT`, or `builder/client.toml` in the user's settings folder."""
    given = environment.get("BUILDER_CLIENT")
    if given:
        return Path(given)
    return folders.of_person("XDG_CONFIG_HOME", "~/.config", environment) / "client.toml"


def read_settings(path: Path) -> Settings:
    """Read `client.toml`.

    Raises:
        UsageError: The file is not there, or not usable; with every mistake.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        message = f"{path} is missing: it says where the farm is; `builder up` writes one, BUILDER_CLIENT names another"
        raise UsageError(message) from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not TOML: it is not UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not TOML: {error}") from error
    mistakes = [f"{path}: {sentence}" for sentence in _mistakes(data)]
    if mistakes:
        raise UsageError("\n".join(mistakes))
    return Settings(**data)


def _mistakes(data: dict[str, Any]) -> Iterator[str]:
    for key, value in data.items():
        if key not in Settings._fields:
            yield f"`{key}` is not known here; there is `url`, `token`, `ca`"
        elif not isinstance(value, str):
            yield f"`{key}` should be text, not `{value}`"
    url = data.get("url")
    if url is None:
        yield "`url` is missing; it should be a URL such as `https://farm.example.org:8441`"
    elif isinstance(url, str) and not _is_url(url):
        yield f"`url` should be a URL such as `https://farm.example.org:8441`, not `{url}`"
    token = data.get("token")
    if isinstance(token, str) and not (token.isascii() and token.isprintable() and " " not in token):
        yield "`token` should be ASCII without spaces and line ends, as the farm gave it"


def _is_url(url: str) -> bool:
    """Tell if a request can be sent to `url`; http.client tells of one that cannot by many kinds of errors."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna")
        plain = url.isprintable() and " " not in url and parts.path.isascii()
        return parts.scheme in {"http", "https"} and bool(host) and parts.port != 0 and plain
    except ValueError:
        return False


class Farm:
    """A farm; each request has a connection of its own, so that several threads may ask at once."""

    def __init__(self, settings: Settings, timeout: float = TIMEOUT) -> None:
        self.url = settings.url.rstrip("/")
        self._settings = settings
        self._timeout = timeout

    @classmethod
    def from_environment(cls) -> "Farm":
        """Return the farm that the person's `client.toml` names."""
        return cls(read_settings(settings_path()))

    def get(self, path: str, query: Query | None = None) -> Any:
        """Return the decoded answer to a GET."""
        return self._decoded(self._read("GET", path, query or {}))

    def post(self, path: str, body: object, query: Query | None = None) -> Any:
        """Return the decoded answer to a POST of `body` as JSON, or as it is when it is text."""
        return self._decoded(self._read("POST", path, query or {}, body))

    def text(self, path: str, query: Query | None = None) -> str:
        """Return the answer to a GET, as it is."""
        return self._read("GET", path, query or {}).decode(errors="replace")

    def stream(self, path: str, query: Query) -> Generator[bytes, None, None]:
        """Yield the answer to a GET, piece by piece as it arrives; the first piece is empty and says that it has begun.

        Raises:
            UnavailableError: Also in the middle, when the connection is cut; the pieces until then are good.
        """
        with self._answer("GET", path, query) as response:
            yield b""
            while piece := response.read1(65536):
                yield piece
            if response.length:
                raise http.client.IncompleteRead(b"", response.length)

    def _read(self, method: str, path: str, query: Query, body: object = None) -> bytes:
        with self._answer(method, path, query, body) as response:
            return response.read()

    def _decoded(self, content: bytes) -> Any:
        try:
            return json.loads(content)
        except ValueError as error:
            raise UnavailableError(f"{self.url} does not answer as a farm does") from error

    @contextmanager
    def _answer(self, method: str, path: str, query: Query, body: object = None) -> Iterator[http.client.HTTPResponse]:
        """Give the answer to a request; an error, also while the answer is read, is told in one sentence."""
        connection = self._connection()
        try:
            self._send(connection, method, self._target(path, query), body)
            with connection.getresponse() as response:
                if response.status >= 300:
                    raise self._told(response)
                if response.getheader("Builder-Version") is None:
                    raise UnavailableError(f"{self.url} does not answer as a farm does")
                yield response
        except (OSError, http.client.HTTPException) as error:
            raise UnavailableError(self._trouble(error)) from error
        finally:
            connection.close()

    def _target(self, path: str, query: Query) -> str:
        given = {
            key: int(value) if isinstance(value, bool) else value for key, value in query.items() if value is not None
        }
        return f"{urlsplit(self.url).path}/api/v1/{path}" + (f"?{urlencode(given)}" if given else "")

    def _send(self, connection: http.client.HTTPConnection, method: str, target: str, body: object) -> None:
        headers = {"Accept": "application/json", "Connection": "close"}
        if self._settings.token:
            headers["Authorization"] = f"Bearer {self._settings.token}"
        content = None
        if body is not None:
            content = (body if isinstance(body, str) else json.dumps(body)).encode()
            headers["Content-Type"] = "application/yaml" if isinstance(body, str) else "application/json"
        try:
            connection.request(method, target, body=content, headers=headers)
        except (BrokenPipeError, ConnectionResetError):
            # A farm that refuses what is sent answers without reading it to its end; without answer this fails again.
            if connection.sock is None:
                raise

    def _connection(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        assert parts.hostname is not None  # noqa: S101 - checked with the settings
        if parts.scheme == "http":
            return http.client.HTTPConnection(parts.hostname, parts.port, timeout=self._timeout)
        try:
            context = ssl.create_default_context(cafile=self._settings.ca or None)
        except ssl.SSLError as error:
            raise UsageError(f"{self._settings.ca} holds no certificate of a CA") from error
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "no file has such a name"
            raise UsageError(f"the CA's certificate {self._settings.ca} cannot be read: {reason}") from error
        return http.client.HTTPSConnection(parts.hostname, parts.port, timeout=self._timeout, context=context)

    def _told(self, response: http.client.HTTPResponse) -> BuilderError:
        """Return the error that the farm tells."""
        try:
            told = json.loads(response.read())
            error, message = BY_TAG.get(str(told["error"]).encode(), InternalError), str(told["message"])
        except (ValueError, TypeError, KeyError):
            if response.status == TooLargeError.status:
                return TooLargeError(f"{self.url} does not take so much at once")
            return UnavailableError(f"{self.url} answers {response.status} {response.reason}, not as a farm does")
        if error is InvalidError:
            return InvalidError(*map(str, told.get("mistakes") or [message]))
        return UnavailableError(message) if response.status >= 500 else error(message)

    def _trouble(self, error: OSError | http.client.HTTPException) -> str:
        """Return the error on the way, as a sentence."""
        match error:
            case ssl.SSLCertVerificationError():
                return f"the certificate of {self.url} is not trusted: {error.verify_message}"
            case ssl.SSLError():
                return f"{self.url} does not speak TLS as expected: {error.reason}"
            case TimeoutError():
                return f"{self.url} has said nothing for {self._timeout:.0f} s"
            case ConnectionResetError() | BrokenPipeError() | http.client.IncompleteRead():
                return f"the connection to {self.url} was cut"
            case OSError():
                return f"{self.url} cannot be reached: {error.strerror or error}; is the master running?"
            case _:
                return f"{self.url} does not answer as a farm does: {str(error).strip() or type(error).__name__}"


class Patience:
    """The patience of somebody who follows a farm that does not answer: it waits longer each time, and not for ever."""

    def __init__(self, limit: float = PATIENCE, longest: float = 5.0) -> None:
        self._limit = limit
        self._longest = longest
        self._pause = 0.1
        self._since: float | None = None
        self.told = False
        """True if a person knows of the waiting."""

    @property
    def tried(self) -> bool:
        """Tell if it has waited since the farm last answered."""
        return self._since is not None

    def answered(self) -> None:
        """Note that the farm is there."""
        self._since, self._pause, self.told = None, 0.1, False

    def wait(self, error: UnavailableError) -> None:
        """Wait before the next try, or raise `error` when it has been too long."""
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        if now - self._since > self._limit:
            raise error
        threading.Event().wait(self._pause)
        self._pause = min(2 * self._pause, self._longest)
