"""Configurations of the daemons, as frozen values, and the TOML files that hold them.

Each daemon has a file of its own (`master.toml`, `slave.toml`, `repo.toml`); a file named `builder.toml` has a
section for each (`[master]`, `[slave]`, `[repo]`). Relative paths are meant from the folder of the file. An address
is written `"HOST:PORT"`.
"""

import enum
import ipaddress
import os
import re
import socket
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import inspect

from builder.errors import InvalidError
from builder.mistakes import Check, Mistake, read, shown
from builder.model import Label, Value

Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]


class Address(Value, frozen=True, kw_only=True):
    """The address of a server that listens, or is dialled; port 0 takes a free one."""

    host: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9.:_-]+\Z", description="the name or address of a host")]
    port: Port


_HTTP = Address(host="127.0.0.1", port=8441)
_RPC = Address(host="127.0.0.1", port=8442)
EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not listened on
"""Hosts that stand for every address of this host, to listen on."""
HostAndPort = Annotated[Address, msgspec.Meta(description="an address such as `127.0.0.1:8441` or `[::1]:8441`")]


class Credentials(Value, frozen=True, kw_only=True):
    """The files that prove who a daemon is: the farm's CA, its own certificate and its own key, all PEM."""

    ca: Path
    certificate: Path
    key: Path


class HttpTls(Value, frozen=True, kw_only=True):
    """The certificate shown to browsers and the command line, where the farm's own one is not wanted."""

    certificate: Path
    key: Path


Url = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^https?://[^\s/]+\Z", description="a URL such as `https://farm.example.org:8441`, without path"
    ),
]


class MasterConfig(Value, frozen=True, kw_only=True):
    """The configuration of a master: `master.toml`.

    `state` holds database, logs, incoming and repositories. HTTP is plain on a loopback address and TLS elsewhere,
    with the given certificate or the farm's own. `url` is the address under which slaves and people reach it.
    `chroots` are the folders where definitions of chroots are looked for, the first that has one wins. `lease` and
    `grace` are in seconds. The logs of a build are kept for `log_days` after its end.
    """

    state: Path
    credentials: Credentials
    http: HostAndPort = _HTTP
    http_tls: HttpTls | None = None
    rpc: HostAndPort = _RPC
    url: Url | None = None
    chroots: tuple[Path, ...]
    channels: tuple[Label, ...] = ("package", "release", "image")
    lease: Annotated[float, msgspec.Meta(gt=0)] = 20.0
    grace: Annotated[float, msgspec.Meta(ge=0)] = 10.0
    tries: Annotated[int, msgspec.Meta(ge=1, le=10)] = 3
    log_days: Annotated[int, msgspec.Meta(ge=1, le=36500)] = 365


class ExecutorName(enum.Enum):
    """A way to make build roots."""

    AUTO = "auto"
    MOCK = "mock"
    CHROOT = "chroot"


class SlaveConfig(Value, frozen=True, kw_only=True):
    """The configuration of a slave: `slave.toml`. The slave's name stands in its certificate.

    `executor` makes build roots; `auto` is the first that works here. `mock` is the program, where it is not the one
    in PATH.
    """

    state: Path
    credentials: Credentials
    master: HostAndPort
    channels: Annotated[tuple[Label, ...], msgspec.Meta(min_length=1)] = ("package", "release", "image")
    architectures: Annotated[tuple[Label, ...], msgspec.Meta(min_length=1)]
    capacity: Annotated[int, msgspec.Meta(ge=1, le=256)] = 1
    executor: ExecutorName = ExecutorName.AUTO
    mock: Path | None = None


class RepoConfig(Value, frozen=True, kw_only=True):
    """The configuration of a repository builder: `repo.toml`.

    `state` is the master's state folder: both move files between the same folders.
    """

    state: Path
    credentials: Credentials
    master: HostAndPort


T = TypeVar("T", bound=MasterConfig | SlaveConfig | RepoConfig)
SECTIONS: dict[type[Any], str] = {
    MasterConfig: "master",
    SlaveConfig: "slave",
    RepoConfig: "repo",
}
"""The name of each daemon's file, or of its section in `builder.toml`."""
TOGETHER = "builder.toml"
"""The name of a file with a section for each daemon."""


def read_config(path: Path, wanted: type[T]) -> T:
    """Read a daemon's configuration, from its own file or from its section of `builder.toml`.

    Raises:
        InvalidError: With every mistake, each with file, key and what would be right.
    """
    place = (SECTIONS[wanted],) if path.name == TOGETHER else ()
    data: Any = read_toml(path)
    for section in place:
        data = data.get(section)
        if data is None:
            raise InvalidError(f"{path}: `{section}` is missing; it should be a section `[{section}]`")

    def translate(kind: inspect.Type, leaf: Any) -> Any:
        return _translate(path.absolute().parent, kind, leaf)

    config, mistakes = read(data, wanted, checks=_CHECKS, translate=translate)
    if config is None:
        raise InvalidError(*(f"{path}: {Mistake(place + wrong.place, wrong.sentence).text}" for wrong in mistakes))
    return config


def read_toml(path: Path) -> dict[str, Any]:
    """Return the content of a TOML file.

    Raises:
        InvalidError: The file cannot be read, or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidError(f"{path}: this file cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidError(f"{path}: this is not TOML: it is not UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise InvalidError(f"{path}: this is not TOML: {error}") from error


def parse_address(text: str) -> Address | None:
    """Return the address `HOST:PORT`, with brackets around an IPv6 one; None when it is not written that way."""
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})", text, re.ASCII)
    if match is None or int(match[3]) > 65535:
        return None
    return Address(host=match[1] or match[2], port=int(match[3]))


def is_loopback(address: Address) -> bool:
    """Tell if only this machine can reach an address; names other than `localhost` may lead anywhere."""
    try:
        return ipaddress.ip_address(address.host).is_loopback
    except ValueError:
        return address.host == "localhost"


def url_of(config: MasterConfig) -> str:
    """Return the URL for people: as configured, or where the master listens, by this host's name for all addresses."""
    if config.url is not None:
        return config.url
    scheme = "http" if is_loopback(config.http) and config.http_tls is None else "https"
    host = socket.gethostname() if config.http.host in EVERYWHERE else config.http.host
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{config.http.port}"


def _translate(base: Path, kind: inspect.Type, leaf: Any) -> Any:
    if not isinstance(leaf, str):
        return leaf
    match kind.type if isinstance(kind, inspect.Metadata) else kind:
        case inspect.CustomType() if leaf:
            return str(base / leaf)
        case inspect.StructType(cls=cls) if cls is Address:
            address = parse_address(leaf)
            return leaf if address is None else msgspec.to_builtins(address)
        case _:
            return leaf


def _check_files(fields: Mapping[str, Any]) -> Iterator[Mistake]:
    for name, path in fields.items():
        if isinstance(path, Path):
            try:
                path.open("rb").close()
            except OSError as error:
                yield Mistake((name,), f"names {path}, which cannot be read: {error.strerror}")


def _check_master(fields: Mapping[str, Any]) -> Iterator[Mistake]:
    http, rpc = fields.get("http", _HTTP), fields.get("rpc", _RPC)
    if isinstance(http, Address) and http == rpc and http.port != 0:
        yield Mistake(("rpc",), f"should be another address than `http`, not {shown(f'{http.host}:{http.port}')} too")
    hidden = isinstance(http, Address) and is_loopback(http)
    if hidden and isinstance(rpc, Address) and not is_loopback(rpc) and "url" not in fields:
        sentence = f"is missing: slaves on other machines read the farm's repositories, and `http` is {http.host}"
        yield Mistake(("url",), f"{sentence}; say how they reach it")
    folders = fields.get("chroots")
    for index, folder in enumerate(folders if isinstance(folders, tuple) else ()):
        if isinstance(folder, Path) and not folder.is_dir():
            yield Mistake(("chroots", index), f"names {folder}, which is no folder")


def _check_slave(fields: Mapping[str, Any]) -> Iterator[Mistake]:
    mock = fields.get("mock")
    if isinstance(mock, Path) and not os.access(mock, os.X_OK):
        yield Mistake(("mock",), f"names {mock}, which is no program")


_CHECKS: dict[type, Check] = {
    Credentials: _check_files,
    HttpTls: _check_files,
    MasterConfig: _check_master,
    SlaveConfig: _check_slave,
}
