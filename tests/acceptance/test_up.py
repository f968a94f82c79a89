"""`builder up`: a whole farm in one folder, from its first start to its end."""

import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.command import BUILDER, LONGEST, builder, environment
from tests.support.processes import eventually

FREE_PORTS = ("--http", "127.0.0.1:0", "--rpc", "127.0.0.1:0")


@contextmanager
def up(state: Path, *options: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A farm that is ready; at the end it has stopped, however the test ended."""
    said = state.with_name(f"{state.name}.out")
    with said.open("wb") as out:
        process = subprocess.Popen(
            [BUILDER, "up", "--state", state, *options], stdout=out, stderr=out, env=environment(None)
        )
    try:
        eventually("the farm is up", lambda: process.poll() is not None or "Ctrl-C stops it.\n" in said.read_text())
        assert process.poll() is None, said.read_text()
        yield process
    finally:
        process.terminate()
        process.wait(LONGEST)


def daemons(up_pid: int) -> dict[str, int]:
    """The pids of the daemons of this farm by name."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        if "builder.cli.daemons" in words and words[words.index("--parent") + 1] == str(up_pid):
            found[words[words.index("builder.cli.daemons") + 1]] = int(entry.name)
    return found


def test_a_farm_lives_dies_and_lives_again_in_its_folder(tmp_path: Path) -> None:
    """Ready means that what it prints works; a killed part comes back; the next start uses what is there."""
    state, said = tmp_path / "farm", tmp_path / "farm.out"
    with up(state, *FREE_PORTS) as process:
        told = said.read_text()
        (client,) = re.findall(r"export BUILDER_CLIENT=(.*)", told)
        assert re.search(rf"pages +http://127\.0\.0\.1:\d+/\n.*\n  logs +{state}/log\n", told)
        assert Path(client).stat().st_mode & 0o077 == 0
        assert builder("slave", "list", client=Path(client)).stdout.startswith("local\tconnected\t0/")
        os.kill(daemons(process.pid)["master"], signal.SIGKILL)
        eventually("it is told", lambda: "the master was ended by SIGKILL" in said.read_text())
        eventually("it is back", lambda: builder("build", "list", client=Path(client)).returncode == 0)
        process.send_signal(signal.SIGINT)
        assert process.wait(LONGEST) == 0
    assert "the farm has stopped" in said.read_text()
    assert daemons(process.pid) == {}
    before = Path(client).read_text()
    with up(state, *FREE_PORTS):
        assert Path(client).read_text() == before
        assert builder("slave", "list", client=Path(client)).stdout.startswith("local\tconnected\t0/")
        second = builder("up", "--state", str(state))
        assert second.returncode == 3
        assert "another `builder up` (process " in second.stderr
        assert f" works in {state}; stop it" in second.stderr


def test_a_farm_that_is_killed_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    """After SIGKILL the daemons end by themselves, and the next start finds its ports free."""
    state = tmp_path / "farm"
    with up(state, *FREE_PORTS) as process:
        process.kill()
        eventually("the daemons are gone", lambda: daemons(process.pid) == {})
    with up(state):
        assert builder("build", "list", client=state / "client.toml").returncode == 0


def test_a_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    """It says which address, and where to choose another one."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = builder("up", "--state", str(tmp_path / "farm"), "--http", address, "--rpc", "127.0.0.1:0")
    assert done.returncode == 4
    assert done.stderr == (
        f"builder: {address} cannot be listened on: Address already in use; "
        f"free it, or choose another with `http` in {tmp_path}/farm/builder.toml\n"
    )


def test_a_folder_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    """No traceback for a path that is a file."""
    (tmp_path / "farm").write_text("")
    done = builder("up", "--state", str(tmp_path / "farm"))
    assert (done.returncode, done.stderr) == (2, f"builder: {tmp_path}/farm cannot be used for a farm: File exists\n")


def test_a_farm_for_the_network_speaks_tls_with_its_own_ca(tmp_path: Path) -> None:
    """Away from loopback there is only HTTPS; without the farm's CA, the client refuses it in one sentence."""
    state = tmp_path / "farm"
    with up(state, "--http", "0.0.0.0:0", "--rpc", "127.0.0.1:0"):
        client = state / "client.toml"
        assert builder("slave", "list", client=client).stdout.startswith("local\tconnected\t")
        client.write_text("".join(line for line in client.read_text().splitlines(keepends=True) if "ca =" not in line))
        done = builder("slave", "list", client=client)
        assert done.returncode == 4
        assert re.fullmatch(r"builder: the certificate of https://\S+ is not trusted: .*\n", done.stderr)
        client.write_text(client.read_text().replace("https:", "http:"))
        done = builder("slave", "list", client=client)
        assert done.returncode == 4
        assert re.fullmatch(r"builder: the connection to http://\S+ was cut\n", done.stderr)
