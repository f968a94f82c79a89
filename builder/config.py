"""What the daemons are told at start, as frozen values."""

from pathlib import Path
from typing import Annotated

import msgspec

from builder.model import Label, Value

Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]


class Address(Value, frozen=True, kw_only=True):
    """Where a server listens, or is dialled; port 0 takes a free one."""

    host: str
    port: Port


class Credentials(Value, frozen=True, kw_only=True):
    """The files that prove who a daemon is: the farm's CA, its own certificate and its own key, all PEM."""

    ca: Path
    certificate: Path
    key: Path


class HttpTls(Value, frozen=True, kw_only=True):
    """The certificate shown to browsers and the command line, where the farm's own one is not wanted."""

    certificate: Path
    key: Path


class MasterConfig(Value, frozen=True, kw_only=True):
    """`master.toml`.

    `state` holds database, logs, incoming and repositories. HTTP is plain on a loopback address and TLS elsewhere, with
    the given certificate or the farm's own. `url` is how slaves and people reach it. `chroots` are the folders where
    definitions of chroots are looked for, the first that has one wins. `lease` and `grace` are in seconds.
    """

    state: Path
    credentials: Credentials
    http: Address = Address(host="127.0.0.1", port=8441)
    http_tls: HttpTls | None = None
    rpc: Address = Address(host="127.0.0.1", port=8442)
    url: str | None = None
    chroots: tuple[Path, ...]
    channels: tuple[Label, ...] = ("package", "release", "image")
    lease: Annotated[float, msgspec.Meta(gt=0)] = 20.0
    grace: Annotated[float, msgspec.Meta(ge=0)] = 10.0
    tries: Annotated[int, msgspec.Meta(ge=1, le=10)] = 3


class SlaveConfig(Value, frozen=True, kw_only=True):
    """`slave.toml`. The slave's name stands in its certificate."""

    state: Path
    credentials: Credentials
    master: Address
    channels: Annotated[tuple[Label, ...], msgspec.Meta(min_length=1)] = ("package", "release", "image")
    architectures: Annotated[tuple[Label, ...], msgspec.Meta(min_length=1)]
    capacity: Annotated[int, msgspec.Meta(ge=1, le=256)] = 1


class RepoConfig(Value, frozen=True, kw_only=True):
    """`repo.toml`. `state` is the master's state folder: both move files between the same folders."""

    state: Path
    credentials: Credentials
    master: Address
