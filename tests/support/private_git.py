"""Real servers of private git repositories on loopback: https with basic authentication, and ssh with a key."""

import base64
import os
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from typing_extensions import override

from builder.config import Credentials
from tests.support.processes import eventually, free_port
from tests.support.unpacked import program

_ACCOUNTS = "root:x:0:0::/root:/bin/sh\ngit:x:1000:1000::{home}:/bin/sh\n"
_SSHD = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/authorized_keys
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
"""


class HttpsGit(ThreadingHTTPServer):
    """The repositories below `root`, for `user` with `token`.

    Attributes:
        url: Where they are.
        ca: Whom its certificate is to be believed for.
        offered: Every Authorization header that came; who may not ask is told what he has sent.
        elsewhere: The URL that everything is redirected to, if that is set.
        held: Set while somebody who may ask waits for the answer, after `hold`.
    """

    daemon_threads = True

    def __init__(self, root: Path, credentials: Credentials, user: str, token: str) -> None:
        super().__init__(("127.0.0.1", 0), _Visitor)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(credentials.certificate, credentials.key)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.root = root
        self.expected = "Basic " + base64.b64encode(f"{user}:{token}".encode()).decode()
        self.url = f"https://127.0.0.1:{self.server_port}"
        self.ca = credentials.ca
        self.offered: list[str] = []
        self.elsewhere = ""
        self.held = threading.Event()
        self._may_answer = threading.Event()
        self._may_answer.set()

    def hold(self) -> None:
        """Give no more answers."""
        self._may_answer.clear()

    def go_on(self) -> None:
        """Give answers again."""
        self._may_answer.set()

    def wait(self) -> None:
        """Come back when answers may be given."""
        if not self._may_answer.is_set():
            self.held.set()
            self._may_answer.wait(60)

    @override
    def shutdown_request(self, request: Any) -> None:
        """Say at the level of TLS, too, that there is no more."""
        with suppress(OSError):
            request.unwrap()
        super().shutdown_request(request)

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that does not like the certificate is no news."""


class _Visitor(BaseHTTPRequestHandler):
    """Lets git's own CGI program answer who may ask."""

    server: HttpsGit

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    @override
    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _answer(self, body: bytes) -> None:
        given = self.headers.get("Authorization", "")
        if given:
            self.server.offered.append(given)
        if self.server.elsewhere:
            self._send("302 Found", [f"Location: {self.server.elsewhere}{self.path}"])
        elif given != self.server.expected:
            plain = base64.b64decode(given.removeprefix("Basic ")).decode()
            told = f"you said {given} which is {plain}\n".encode() if given else b""
            head = ['WWW-Authenticate: Basic realm="private"', "Content-Type: text/plain"]
            self._send("401 Unauthorized", head, told)
        else:
            self.server.wait()
            self._serve(body)

    def _serve(self, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        variables = {
            "GIT_PROJECT_ROOT": str(self.server.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        answer = subprocess.run(
            ["git", "http-backend"],
            input=body,
            env={**os.environ, **variables},
            stdout=subprocess.PIPE,
            timeout=60,
            check=True,
        ).stdout
        head, _, rest = answer.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        status = next((line.partition(": ")[2] for line in lines if line.startswith("Status: ")), "200 OK")
        self._send(status, lines, rest)

    def _send(self, status: str, lines: list[str], body: bytes = b"") -> None:
        self.close_connection = True
        head = [f"HTTP/1.1 {status}", *lines, f"Content-Length: {len(body)}", "Connection: close", "", ""]
        self.wfile.write("\r\n".join(head).encode() + body)


@contextmanager
def https_git(root: Path, credentials: Credentials, user: str, token: str) -> Iterator[HttpsGit]:
    """Serve `root` over https."""
    server = HttpsGit(root, credentials, user, token)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def new_key(path: Path, passphrase: str = "") -> str:
    """Make an ssh key at `path`, and return the private part."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", "a test", "-f", str(path)]
    subprocess.run(command, check=True, timeout=60)
    return path.read_text()


class SshGit:
    """An sshd of an ordinary user `git`, whom the keys in `authorize` let in.

    sshd wants a user of its own where it is root, and an account for each number: it gets both in a namespace.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        folder.mkdir(parents=True)
        new_key(folder / "host")
        (folder / "authorized_keys").touch()
        (folder / "sshd_config").write_text(_SSHD.format(port=self.port, folder=folder))
        (folder / "passwd").write_text(_ACCOUNTS.format(home=folder))
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, repository: Path) -> str:
        """Where a repository of this machine is found."""
        return f"ssh://git@127.0.0.1:{self.port}{repository}"

    def authorize(self, public: Path) -> None:
        """Let whoever has the key in."""
        shutil.copy(public, self._folder / "authorized_keys")

    def renew_host_key(self) -> None:
        """Be another host, as far as anybody can tell."""
        self.stop()
        for name in ("host", "host.pub"):
            (self._folder / name).unlink()
        new_key(self._folder / "host")
        self.start()

    def start(self) -> None:
        """Come back when it listens."""
        daemon = program("sshd")
        log = self._folder / "log"
        command = [
            *("bwrap", "--bind", "/", "/", "--dev-bind", "/dev", "/dev"),
            *("--ro-bind", str(self._folder / "passwd"), "/etc/passwd"),
            *("--unshare-user", "--uid", "1000", "--gid", "1000", "--die-with-parent"),
            *(daemon.file, "-D", "-e", "-f", str(self._folder / "sshd_config")),
        ]
        environment = {**os.environ, **daemon.environment}
        with log.open("wb") as file:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=file, env=environment)
        eventually("sshd listens", lambda: "Server listening" in log.read_text())

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(60)


@contextmanager
def ssh_git(folder: Path) -> Iterator[SshGit]:
    """Serve repositories of this machine over ssh."""
    server = SshGit(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
