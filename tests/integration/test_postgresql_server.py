"""The PostgreSQL server of the tests disturbs nobody, and ends with them."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.distribution import ROOT
from tests.support.postgresql import Server
from tests.support.processes import eventually
from tests.support.unpacked import program

START = """
import time
from tests.support.postgresql import server

with server() as served:
    print(served.pid, flush=True)
    time.sleep(600)
"""


def runs(pid: int) -> bool:
    """Return whether the process is there, and not only waits to be waited for."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except FileNotFoundError:
        return False


def test_it_is_reached_through_its_socket_alone(postgresql: Server) -> None:
    """No port is open, and the socket is in the folder of its own, so that it disturbs no other server."""
    with postgresql.connect("postgres") as connection:
        (addresses,) = connection.execute("SHOW listen_addresses").fetchone() or ()
        (folders,) = connection.execute("SHOW unix_socket_directories").fetchone() or ()
        (data,) = connection.execute("SHOW data_directory").fetchone() or ()
    assert addresses == ""
    assert Path(data).parent == Path(folders)


def test_it_ends_with_whoever_started_it() -> None:
    """A server whose starter is killed, and can tidy up nothing, ends too."""
    program("postgres")
    with tempfile.TemporaryDirectory() as folder:
        command, environment = [sys.executable, "-c", START], {**os.environ, "TMPDIR": folder}
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment) as starter:
            assert starter.stdout is not None
            pid = int(starter.stdout.readline())
            assert runs(pid)
            starter.kill()
        eventually("the server has ended", lambda: not runs(pid))
