"""Real dnf and zypper read a signed project over HTTP, by the farm's own `.repo` file or by an address, and refuse what
somebody has changed.
"""

import configparser
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

import msgspec
from twisted.internet import reactor
from twisted.internet.defer import maybeDeferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase
from typing_extensions import override

from builder.config import Address
from builder.model.operation import Key, KeyAction, NumberedOperation
from builder.web.service import listen
from builder.wire import Applied
from tests.support import dnf, zypper
from tests.support.repositories import Workbench, plain
from tests.support.rpms import deliver, order_of, rpms
from tests.support.small_farm import SmallFarm

_REACTOR: Any = reactor
CHROOT = "fedora-43-x86_64"
TREE = "repos/hello/testing/fedora-43/x86_64"


class SignedProject(TestCase):
    """A project with a key, published over HTTP."""

    timeout = 300

    @override
    def setUp(self) -> None:
        folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        self.folder = folder
        self.bench = Workbench(folder / "state", time.time())
        self.turn(1, KeyAction.CREATE)
        self.publish(2, *rpms("hello"))

    def turn(self, number: int, action: KeyAction) -> None:
        self.bench.now = time.time()
        order = Key(project="hello", action=action)
        (answer,) = self.bench.operations.carry_out([NumberedOperation(number=number, operation=order)])
        assert isinstance(answer, Applied), answer

    def publish(self, number: int, *files: Path, **changes: Any) -> None:
        self.bench.now = time.time()
        order = order_of(number, **changes)
        deliver(self.bench.state, order, files)
        (answer,) = self.bench.operations.carry_out([NumberedOperation(number=number, operation=order)])
        assert isinstance(answer, Applied), answer

    async def serve(self) -> str:
        """The text of the `.repo` file of the farm that serves the state folder."""
        farm = SmallFarm(self.bench.state).farm
        config = msgspec.structs.replace(farm.config, http=Address(host="127.0.0.1", port=0))
        port: Any = await listen(_REACTOR, farm, config)
        self.addCleanup(maybeDeferred, port.stopListening)
        url = f"http://127.0.0.1:{port.getHost().port}/repos/hello/testing/fedora-43/hello-testing.repo"
        return await deferToThread(_read, url)

    def change_metadata(self) -> None:
        """Change one byte of the current repomd.xml."""
        repomd = self.bench.state / TREE / "repodata/repomd.xml"
        repomd.write_bytes(repomd.read_bytes().replace(b"<revision>1", b"<revision>2"))

    def change_package(self) -> None:
        """Change one byte of the package that is served."""
        (file,) = (self.bench.state / TREE / "Packages/h").iterdir()
        content = bytearray(file.read_bytes())
        content[-1] ^= 1
        file.unlink()
        file.write_bytes(content)

    def forged(self, text: str) -> str:
        """A `.repo` file that names a repository of an unsigned package, whose metadata is not checked."""
        forged = self.folder / "forged"
        forge(forged, rpms("hello")[0])
        lines = [line for line in text.partition("[hello-testing-debug]")[0].splitlines() if "mirrorlist" not in line]
        return "\n".join([*lines, f"baseurl=file://{forged}", ""]).replace("repo_gpgcheck=1", "repo_gpgcheck=0")


class DnfTest(SignedProject):
    """dnf, which trusts the project's key alone."""

    async def test_dnf_installs_with_both_checks(self) -> None:
        """The farm's `.repo` file asks for both checks, and with it dnf installs."""
        text = await self.serve()
        parsed = configparser.ConfigParser(interpolation=None)
        parsed.read_string(text)
        assert (parsed["hello-testing"]["gpgcheck"], parsed["hello-testing"]["repo_gpgcheck"]) == ("1", "1")
        client = dnf.Client(self.folder / "client", text)
        code, said = await deferToThread(client.dnf, "install", "hello")
        assert code == 0, said
        assert client.installed() == ["hello-1.0-1"]

    async def test_a_client_follows_a_rotation(self) -> None:
        """A client that trusts the first key alone gets the second one from the same address, and installs; so does
        it after the first one is retired, and so does a new client."""
        text = await self.serve()
        old = dnf.Client(self.folder / "old", text)
        assert (await deferToThread(old.dnf, "install", "hello"))[0] == 0
        self.turn(3, KeyAction.ROTATE)
        self.publish(4, *rpms("second"), package="second")
        code, said = await deferToThread(old.dnf, "--refresh", "install", "second")
        assert code == 0, said
        self.turn(5, KeyAction.RETIRE)
        self.publish(6, *rpms("third"), package="third")
        code, said = await deferToThread(old.dnf, "--refresh", "install", "third")
        assert code == 0, said
        assert old.installed() == ["hello-1.0-1", "second-1.0-1", "third-1.0-1"]
        new = dnf.Client(self.folder / "new", text)
        code, said = await deferToThread(new.dnf, "install", "hello", "third")
        assert code == 0, said

    async def test_changed_metadata_is_refused(self) -> None:
        """One byte of repomd.xml, and dnf installs nothing."""
        text = await self.serve()
        self.change_metadata()
        client = dnf.Client(self.folder / "client", text)
        code, said = await deferToThread(client.dnf, "install", "hello")
        assert code != 0
        assert "signature" in said.lower(), said
        assert not (self.folder / "client/root/usr/share/hello").exists()

    async def test_a_changed_package_is_refused(self) -> None:
        """A package that is not the one in the signed metadata is not installed."""
        text = await self.serve()
        self.change_package()
        client = dnf.Client(self.folder / "client", text)
        code, said = await deferToThread(client.dnf, "install", "hello")
        assert code != 0
        assert "checksum" in said.lower(), said
        assert not (self.folder / "client/root/usr/share/hello").exists()

    async def test_a_package_without_a_signature_is_refused(self) -> None:
        """Whoever can change the metadata, too, for a client that does not check it, gets no unsigned package in."""
        text = await self.serve()
        client = dnf.Client(self.folder / "client", self.forged(text))
        code, said = await deferToThread(client.dnf, "install", "hello")
        assert code != 0
        assert "is not signed" in said, said
        assert not (self.folder / "client/root/usr/share/hello").exists()


class ZypperTest(SignedProject):
    """zypper, which trusts the project's key alone."""

    async def zypper(self, client: zypper.Client, *arguments: str) -> str:
        """What a command says that succeeds."""
        code, said = await deferToThread(client.zypper, *arguments)
        assert code == 0, said
        return said

    async def test_zypper_installs_with_both_checks(self) -> None:
        """With the farm's `.repo` file, zypper refreshes, lists, downloads and installs."""
        client = zypper.Client(self.folder / "client", await self.serve())
        assert "Key Name:         hello (signing key)" in await self.zypper(client, "refresh")
        assert "up to date" in await self.zypper(client, "refresh")
        assert "| 1.0-1   | noarch |" in await self.zypper(client, "search", "--details", "hello")
        await self.zypper(client, "install", "--download-only", "hello")
        assert client.installed() == []
        assert "In cache hello-1.0-1.noarch.rpm" in await self.zypper(client, "install", "hello")
        assert client.installed() == ["hello-1.0-1"]

    async def test_zypper_installs_by_an_address(self) -> None:
        """With a plain `baseurl` and `gpgcheck` alone, it installs what was published and, later, what is new."""
        client = zypper.Client(self.folder / "client", plain(await self.serve()))
        await self.zypper(client, "install", "hello")
        self.publish(3, *rpms("second"), package="second")
        await self.zypper(client, "refresh")
        await self.zypper(client, "install", "second")
        assert client.installed() == ["hello-1.0-1", "second-1.0-1"]

    async def test_zypper_follows_a_rotation(self) -> None:
        """A machine that trusts the first key alone gets the second one from the same address, and installs."""
        client = zypper.Client(self.folder / "client", await self.serve())
        await self.zypper(client, "install", "hello")
        self.turn(3, KeyAction.ROTATE)
        self.turn(4, KeyAction.RETIRE)
        self.publish(5, *rpms("second"), package="second")
        await self.zypper(client, "refresh")
        await self.zypper(client, "install", "second")
        assert client.installed() == ["hello-1.0-1", "second-1.0-1"]

    async def test_changed_metadata_is_refused(self) -> None:
        """One byte of repomd.xml, and zypper takes nothing."""
        text = await self.serve()
        self.change_metadata()
        await self.refused(text, "Signature verification failed")

    async def test_metadata_that_somebody_else_signed_is_refused(self) -> None:
        """A signature that is right, by a key of which the `.repo` file says nothing, is none."""
        text = await self.serve()
        self.sign_anew()
        await self.refused(text, "signed with an unknown key")

    async def test_a_changed_package_is_refused(self) -> None:
        """A package that is not the one in the signed metadata is not installed."""
        text = await self.serve()
        self.change_package()
        await self.refused(text, "Digest verification failed")

    async def test_a_package_without_a_signature_is_refused(self) -> None:
        """Whoever can change metadata that is not signed gets no unsigned package in."""
        text = self.forged(await self.serve())
        await self.refused(text, "Package is not signed!")

    def sign_anew(self) -> None:
        """Sign the current repomd.xml by a new key."""
        key = key_in(self.folder / "stranger")
        repomd = self.bench.state / TREE / "repodata/repomd.xml"
        key("--armor", "--detach-sign", "--yes", "--output", f"{repomd}.asc", str(repomd))

    async def refused(self, text: str, sentence: str) -> None:
        """A new machine with this `.repo` file installs nothing, and says this."""
        client = zypper.Client(self.folder / "client", text)
        code, said = await deferToThread(client.zypper, "install", "hello")
        assert code != 0, said
        assert sentence in said, said
        assert client.installed() == []


def key_in(home: Path) -> Callable[..., None]:
    """gpg with a home that has a new key."""
    home.mkdir(mode=0o700)
    command = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--passphrase", ""]

    def gpg(*arguments: str) -> None:
        subprocess.run([*command, *arguments], check=True, timeout=60)

    gpg("--quick-generate-key", "stranger", "ed25519")
    return gpg


def forge(folder: Path, package: Path) -> None:
    """Make a repository of a package, without any signature."""
    folder.mkdir()
    shutil.copy(package, folder)
    subprocess.run(["createrepo_c", "--quiet", folder], check=True)


def _read(url: str) -> str:
    with build_opener(ProxyHandler({})).open(url, timeout=30) as answer:
        return str(answer.read().decode())
