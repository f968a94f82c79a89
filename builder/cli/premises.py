"""The premises of a farm on one machine: the folder of `builder up`, and what its first start puts there.

pki/           the CA and the certificates of master, repository builder and slave
builder.toml   the configuration of all three
client.toml    url and token for the person who started the farm; the master writes it
chroots/       definitions of chroots, looked at before those that come with Builder
master/ slave/ their state
log/           what the daemons say
"""

import json
import os
import platform
import socket
import sys
from pathlib import Path
from typing import NamedTuple

import builder
from builder import files
from builder.certificates import Identity, create_authority, issue
from builder.cli.exits import UsageError
from builder.config import EVERYWHERE, TOGETHER, Address, MasterConfig, RepoConfig, SlaveConfig, read_config
from builder.errors import NotFoundError
from builder.wire import Role


class Wishes(NamedTuple):
    """The wishes of a person for a farm; None leaves a setting as it is, or at the default."""

    http: Address | None
    rpc: Address | None
    capacity: int | None


class Premises:
    """The folder of one farm."""

    slave = "local"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / TOGETHER
        self.client = folder / "client.toml"
        self.logs = folder / "log"
        self._pki = folder / "pki"

    def prepare(self, wishes: Wishes, now: float) -> None:
        """Make the missing files; those that are there stay. `now` is the time in seconds since the epoch.

        Raises:
            UsageError: The files that are there are not what is wished for.
            InvalidError: `builder.toml` has mistakes.
        """
        for folder in (self.logs, self.folder / "chroots"):
            folder.mkdir(exist_ok=True)
        http = _chosen(wishes.http or Address(host="127.0.0.1", port=8441))
        if not self.config.exists():
            self._issue(_names_of(http), now)
            rpc = _chosen(wishes.rpc or Address(host="127.0.0.1", port=8442))
            files.write(self.config, self._configuration(http, rpc, wishes.capacity or _capacity()).encode())
        self._compare(wishes)

    def _issue(self, hosts: list[str], now: float) -> None:
        """Make the CA and the certificates; a first start that was interrupted may have left some of the files."""
        if not _complete(self._pki / "ca.pem"):
            files.remove_tree(self._pki)
            create_authority(self._pki, "builder", now)
        for identity, certificate in zip(self._identities(), self._certificates(), strict=True):
            if not _complete(certificate):
                files.remove(certificate)
                files.remove(certificate.with_suffix(".key"))
                issue(self._pki, identity, hosts if identity.role is Role.MASTER else (), now=now)

    def _identities(self) -> tuple[Identity, ...]:
        return (
            Identity(role=Role.MASTER, name="master"),
            Identity(role=Role.REPO, name="repo"),
            Identity(role=Role.SLAVE, name=self.slave),
        )

    def _certificates(self) -> list[Path]:
        return [self._pki / f"{identity.role.value}-{identity.name}.pem" for identity in self._identities()]

    def _configuration(self, http: Address, rpc: Address, capacity: int) -> str:
        dial = Address(host="127.0.0.1" if rpc.host in EVERYWHERE else rpc.host, port=rpc.port)
        credentials = [
            f'ca = "pki/ca.pem", certificate = "pki/{path.name}", key = "pki/{path.with_suffix(".key").name}"'
            for path in self._certificates()
        ]
        return f"""\
# The farm of `builder up` in this folder. Relative paths are meant from here.

[master]
state = "master"
http = {_quoted(http)}
rpc = {_quoted(rpc)}
chroots = ["chroots", {json.dumps(str(shipped_chroots()), ensure_ascii=False)}]
credentials = {{ {credentials[0]} }}

[repo]
state = "master"
master = {_quoted(dial)}
credentials = {{ {credentials[1]} }}

[slave]
state = "slave"
master = {_quoted(dial)}
architectures = [{json.dumps(platform.machine())}]
capacity = {capacity}
credentials = {{ {credentials[2]} }}
"""

    def _compare(self, wishes: Wishes) -> None:
        master, slave = read_config(self.config, MasterConfig), read_config(self.config, SlaveConfig)
        read_config(self.config, RepoConfig)
        for option, wished, there in (("http", wishes.http, master.http), ("rpc", wishes.rpc, master.rpc)):
            if wished is not None and not (wished.host == there.host and wished.port in {0, there.port}):
                raise UsageError(f"--{option} differs from `master.{option}` in {self.config}: change it there")
        if wishes.capacity not in {None, slave.capacity}:
            raise UsageError(f"--capacity differs from `slave.capacity` in {self.config}: change it there")


def _complete(certificate: Path) -> bool:
    return certificate.exists() and certificate.with_suffix(".key").exists()


def shipped_chroots() -> Path:
    """Return the folder of the chroots' definitions that come with Builder: installed, or in the source tree.

    Raises:
        NotFoundError: They are in neither place.
    """
    installed = Path(sys.prefix) / "share" / "builder" / "mock-configs"
    source = Path(builder.__file__).parent.parent / "mock-configs"
    for folder in (source, installed):
        if folder.is_dir():
            return folder
    raise NotFoundError(f"the definitions of chroots are neither in {installed} nor in {source}; install Builder again")


def _chosen(address: Address) -> Address:
    """Return the address, with a free port in place of 0."""
    if address.port:
        return address
    with socket.socket(socket.AF_INET6 if ":" in address.host else socket.AF_INET) as probe:
        probe.bind((address.host, 0))
        return Address(host=address.host, port=probe.getsockname()[1])


def _names_of(http: Address) -> list[str]:
    """Return the names and addresses under which people and slaves reach the master."""
    names = ["localhost", "127.0.0.1", "::1", socket.gethostname()]
    if http.host not in EVERYWHERE:
        names.append(http.host)
    return list(dict.fromkeys(names))


def _quoted(address: Address) -> str:
    host = f"[{address.host}]" if ":" in address.host else address.host
    return json.dumps(f"{host}:{address.port}")


def _capacity() -> int:
    """Return the number of jobs for this machine: one for each two processors."""
    return max(1, len(os.sched_getaffinity(0)) // 2)
