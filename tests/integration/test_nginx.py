"""Real nginx in front of the master, with the configuration that docs/repositories.md shows."""

import http.client
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet import reactor
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase
from typing_extensions import override

from builder.clock import deferred
from builder.config import Address
from builder.model.operation import AnyOperation, Key, KeyAction, NumberedOperation
from builder.web.service import listen
from builder.web.stored import ASK_AGAIN, FOREVER
from tests.support import dnf, zypper
from tests.support.distribution import ROOT
from tests.support.processes import eventually, free_port
from tests.support.repositories import Workbench
from tests.support.rpms import deliver, order_of, rpms
from tests.support.small_farm import SmallFarm
from tests.support.unpacked import program

_REACTOR: Any = reactor
BASE = "/repos/hello/testing/fedora-43"
TREE = f"{BASE}/x86_64"
AROUND = """\
daemon off;
master_process off;
pid {folder}/pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        {block}
    }}
}}
"""


def block(master: int, state: Path) -> str:
    """What the documentation shows, for a master at this port with this state folder."""
    _, _, rest = (ROOT / "docs/repositories.md").read_text().partition("```nginx\n")
    shown, _, _ = rest.partition("```")
    assert "127.0.0.1:8441" in shown
    assert "/var/lib/builder" in shown
    return shown.replace("127.0.0.1:8441", f"127.0.0.1:{master}").replace("/var/lib/builder", str(state))


class NginxTest(TestCase):
    """A signed repository with two generations, which nginx serves."""

    timeout = 120

    @override
    def setUp(self) -> Deferred[None]:  # type: ignore[override]  # trial waits for it
        return deferred(self._begin())

    async def _begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.state = self.folder / "state"
        bench = Workbench(self.state, time.time())
        orders: list[AnyOperation] = [Key(project="hello", action=KeyAction.CREATE), order_of(2), order_of(3)]
        for number, order in enumerate(orders, start=1):
            if number > 1:
                deliver(self.state, order_of(number), rpms("hello", version=f"1.{number}"))
            bench.operations.carry_out([NumberedOperation(number=number, operation=order)])
        self.port = free_port()
        farm = SmallFarm(self.state, url=f"http://127.0.0.1:{self.port}").farm
        config = msgspec.structs.replace(farm.config, http=Address(host="127.0.0.1", port=0))
        port: Any = await listen(_REACTOR, farm, config)
        self.addCleanup(maybeDeferred, port.stopListening)
        await deferToThread(self._start, port.getHost().port)

    def _start(self, master: int) -> None:
        nginx = program("nginx")
        config = self.folder / "nginx.conf"
        config.write_text(AROUND.format(folder=self.folder, port=self.port, block=block(master, self.state)))
        command = [nginx.file, "-e", str(self.folder / "error.log"), "-p", str(self.folder), "-c", str(config)]
        process = subprocess.Popen(command)
        self.addCleanup(process.wait, 30)
        self.addCleanup(process.terminate)
        eventually("nginx answers", self._answers)

    def _answers(self) -> bool:
        try:
            return self.get(f"{TREE}/mirrorlist")[0] == 200
        except ConnectionError:
            return False

    def get(self, path: str, **headers: str) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Status, headers and content of an answer; `If_None_Match` is written so."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        with connection.getresponse() as answer:
            got = answer.status, answer.headers, answer.read()
        connection.close()
        return got

    async def test_the_documented_configuration_serves_repositories(self) -> None:
        """Ranges, validators and caching headers are as the master's own, and dnf and zypper install."""
        await deferToThread(self.serves_files)
        await deferToThread(self.serves_clients)

    def serves_files(self) -> None:
        """What caches and clients may rely on."""
        for path, keep in {
            f"{TREE}/generations/1/repodata/repomd.xml": FOREVER,
            f"{TREE}/repodata/repomd.xml": ASK_AGAIN,
            f"{TREE}/Packages/h/hello-1.3-1.noarch.rpm": ASK_AGAIN,
            f"{TREE}/mirrorlist": ASK_AGAIN,
            f"{BASE}/hello-testing.repo": ASK_AGAIN,
        }.items():
            status, headers, _ = self.get(path)
            assert (status, headers["Cache-Control"]) == (200, keep), path
        package = f"{TREE}/generations/2/Packages/h/hello-1.3-1.noarch.rpm"
        _, headers, whole = self.get(package)
        assert self.get(package, Range="bytes=0-99")[::2] == (206, whole[:100])
        assert self.get(package, Range="bytes=100-", If_Range=headers["ETag"])[::2] == (206, whole[100:])
        assert self.get(package, If_None_Match=headers["ETag"])[::2] == (304, b"")
        assert "ETag" not in self.get(f"{TREE}/repodata/repomd.xml")[1]
        (older,) = (self.state / TREE[1:] / "generations/1/repodata").glob("*-primary.xml.gz")
        status, headers, content = self.get(f"{TREE}/repodata/{older.name}")
        assert (status, headers["Cache-Control"], content) == (200, ASK_AGAIN, older.read_bytes())
        assert self.get(f"{TREE}/repodata/{'0' * 64}-primary.xml.gz")[0] == 404

    def serves_clients(self) -> None:
        """Real clients with the `.repo` file that nginx hands through."""
        text = self.get(f"{BASE}/hello-testing.repo")[2].decode()
        assert self.get(f"{TREE}/mirrorlist")[2].decode() == f"http://127.0.0.1:{self.port}{TREE}/generations/2/\n"
        first, second = dnf.Client(self.folder / "dnf", text), zypper.Client(self.folder / "zypper", text)
        for client, run in ((first, first.dnf), (second, second.zypper)):
            code, said = run("install", "hello")
            assert code == 0, said
            assert client.installed() == ["hello-1.3-1"]
