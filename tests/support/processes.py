"""A farm of real processes: master, slaves and repository builder over real TLS, as an operator would start them.

Every daemon gets a state folder and a configuration file of its own below one folder, logs to a file there, and can be
stopped, killed and started again one by one. Waiting is always for a state that is seen, with a deadline.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self, TypeVar

from builder.certificates import Identity
from builder.wire import Role
from tests.support.certificates import Pki

T = TypeVar("T")
BIN = Path(sys.executable).parent
DEADLINE = 90.0
"""Seconds that anything may take on a slow machine before a test gives up."""


_RESERVATIONS: list[socket.socket] = []


def free_port() -> int:
    """A TCP port on loopback that a daemon can listen on, and that nobody else is given as long as this process lives.

    A socket that is bound and does not listen keeps it: the kernel lets others have it who ask for it by its number
    and set SO_REUSEADDR, as servers do, and gives it to nobody who asks for any port. Source: socket(7), ip(7).
    """
    reservation = socket.socket()
    reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reservation.bind(("127.0.0.1", 0))
    _RESERVATIONS.append(reservation)
    return int(reservation.getsockname()[1])


def eventually(what: str, seen: Callable[[], T | None], deadline: float = DEADLINE) -> T:
    """What `seen` returns once it is neither None nor False; after `deadline` seconds a failure that says `what`."""
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        value = seen()
        if value is not None and value is not False:
            return value
        time.sleep(0.02)
    message = f"after {deadline:.0f} s, still not: {what}"
    raise AssertionError(message)


class Daemon:
    """One process of the farm: its command, its log, its life."""

    def __init__(self, command: list[str], log: Path, environment: dict[str, str] | None = None) -> None:
        self.command = command
        self.log = log
        self.environment = environment or {}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id of the running process."""
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the process in a session of its own."""
        assert not self.running
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, **self.environment},
            )

    def kill(self) -> None:
        """SIGKILL, as when the host loses power; what it started goes on."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(DEADLINE)

    def stop(self) -> int:
        """SIGTERM, as `systemctl stop` does; returns the exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(DEADLINE)


class Farm:
    """Master, slaves and repository builder below one folder; a context manager that leaves no process behind."""

    def __init__(self, folder: Path, chroots: Path, slaves: int = 1, **master: float) -> None:
        self.folder = folder
        self.http, self.rpc = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.http}"
        self._chroots = chroots
        self._pki = Pki(folder / "pki")
        self._client = folder / "client.toml"
        self.master = self._master(master)
        self.repo = self._daemon("repo", Identity(role=Role.REPO, name="repo"), f"state = '{self.state}'")
        self.slaves = [self._slave(f"slave{number}") for number in range(1, slaves + 1)]

    @property
    def token(self) -> str:
        """What proves to the master who starts the farm."""
        return str(tomllib.loads(self._client.read_text())["token"])

    @property
    def state(self) -> Path:
        """The state folder that master and repository builder share."""
        return self.folder / "master"

    def __enter__(self) -> Self:
        try:
            self.start_master()
            self.repo.start()
            for slave in self.slaves:
                slave.start()
            eventually("all slaves connected", self._all_connected)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        for daemon in (*self.slaves, self.repo, self.master):
            if daemon.running:
                daemon.stop()
        for name in list(self.attempts_at_work()):
            self.lose_runners(name)

    def _all_connected(self) -> bool:
        slaves = self.get("/api/v1/slaves")
        return len([slave for slave in slaves if slave["connected"]]) == len(self.slaves)

    # -- configuration

    def _credentials(self, identity: Identity) -> str:
        issued = self._pki.right(identity.role, identity.name, hosts=("127.0.0.1", "localhost"))
        return f"[credentials]\nca = '{issued.ca}'\ncertificate = '{issued.certificate}'\nkey = '{issued.key}'\n"

    def _daemon(self, kind: str, identity: Identity, settings: str, tail: str = "", port: int | None = None) -> Daemon:
        config = self.folder / f"{identity.name}.toml"
        master = f"[master]\nhost = '127.0.0.1'\nport = {port or self.rpc}\n"
        if identity.role is Role.MASTER:
            master = ""
        config.write_text(f"{settings}\n{self._credentials(identity)}{master}{tail}")
        return Daemon([str(BIN / f"builder-{kind}"), "--config", str(config)], self.folder / f"{identity.name}.log")

    def _master(self, settings: dict[str, float]) -> Daemon:
        lines = "".join(f"{key} = {value}\n" for key, value in settings.items())
        listen = f"[http]\nhost = '127.0.0.1'\nport = {self.http}\n[rpc]\nhost = '127.0.0.1'\nport = {self.rpc}\n"
        head = f"state = '{self.state}'\nurl = '{self.url}'\nchroots = ['{self._chroots}']\n{lines}"
        daemon = self._daemon("master", Identity(role=Role.MASTER, name="master"), head, listen)
        daemon.command += ["--client", str(self._client)]
        return daemon

    def _slave(self, name: str, port: int | None = None) -> Daemon:
        head = f"state = '{self.folder / name}'\narchitectures = ['x86_64']\ncapacity = 2"
        return self._daemon("slave", Identity(role=Role.SLAVE, name=name), head, port=port)

    def add_slave(self, name: str, port: int | None = None) -> Daemon:
        """Start one more slave, which dials the master or, where it is given, another port of this host."""
        slave = self._slave(name, port)
        self.slaves.append(slave)
        slave.start()
        eventually(f"{name} connected", self._all_connected)
        return slave

    # -- life

    def start_master(self) -> None:
        """Start the master and wait until it answers."""
        self.master.start()
        eventually("the master answers", self._ready)

    def _ready(self) -> bool:
        assert self.master.running, self.master.log.read_text()
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def attempts_at_work(self) -> dict[str, list[int]]:
        """The pids of every process that works below each slave's folder, the slave itself left out."""
        found: dict[str, list[int]] = {}
        slaves = {slave.log.stem: slave for slave in self.slaves}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                command = (entry / "cmdline").read_bytes().decode(errors="replace")
                place = (entry / "cwd").readlink()
            except OSError:
                continue
            for name, slave in slaves.items():
                own = slave.running and int(entry.name) == slave.pid
                if not own and f"{self.folder / name}/" in f"{command}/{place}/":
                    found.setdefault(name, []).append(int(entry.name))
        return found

    def lose_runners(self, name: str) -> None:
        """SIGKILL everything that works for the slave `name`, as when its host loses power."""
        for pid in self.attempts_at_work().get(name, []):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    # -- the API, as a program uses it

    def call(self, method: str, path: str, body: object = None) -> Any:
        """The decoded answer of the API; an error status raises `urllib.error.HTTPError`."""
        data = body.encode() if isinstance(body, str) else None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
            return json.loads(answer.read())

    def get(self, path: str) -> Any:
        """The decoded answer to a GET."""
        return self.call("GET", path)

    def log_of(self, build: int, job: str) -> str:
        """The whole stored log of a job's newest attempt."""
        with urllib.request.urlopen(f"{self.url}/api/v1/builds/{build}/jobs/{job}/log", timeout=DEADLINE) as answer:
            return str(answer.read().decode())

    def log_so_far(self, build: int, job: str) -> str:
        """The same, or nothing while there is no attempt, or no master."""
        try:
            return self.log_of(build, job)
        except OSError:
            return ""

    def finished(self, build: int, deadline: float = DEADLINE) -> dict[str, Any]:
        """The build once it has ended."""

        def ended() -> dict[str, Any] | None:
            try:
                seen = self.get(f"/api/v1/builds/{build}")
            except urllib.error.HTTPError:
                raise
            except OSError:
                return None  # the master is being started again
            return seen if seen["finished"] is not None else None

        return eventually(f"build {build} finished", ended, deadline)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a person who knows the farm."""
        return {**os.environ, "BUILDER_CLIENT": str(self._client)}

    def builder(self, *arguments: str, timeout: float = DEADLINE) -> subprocess.CompletedProcess[str]:
        """The command line, as a person types it."""
        return subprocess.run(
            [str(BIN / "builder"), *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
