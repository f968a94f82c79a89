"""`builder up`: a whole farm on this machine, in one folder.

The first start makes the folder's CA, certificates and `builder.toml`, and the master then writes `client.toml` for
the person who started it; every later start uses what is there. Master, repository builder and one slave are children
with sessions of their own: `up` alone hears Ctrl-C, ends them, and starts again those that die.
"""

import argparse
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from builder import lock
from builder.cli import folders
from builder.cli.arguments import whole_number
from builder.cli.children import Child, keep_running
from builder.cli.client import Farm, read_settings
from builder.cli.exits import Exit, UsageError
from builder.cli.premises import Premises, Wishes
from builder.config import Address, MasterConfig, parse_address, read_config
from builder.errors import BuilderError, UnavailableError

POLL = 0.2
"""Seconds between two looks at the farm until it is ready."""
LOOK = 2.0
"""Seconds that one look may take; Ctrl-C waits for it."""
LONG = 30.0
"""Seconds without being ready after which `up` says what it waits for."""
HOPELESS = 5
"""Deaths of a child, before the farm was ever ready, after which `up` gives up."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    what = "where all of it lives (~/.local/state/builder)"
    parser.add_argument("--state", type=Path, metavar="DIR", help=what)
    parser.add_argument(
        "--http", type=_address, metavar="HOST:PORT", help="pages, API and repositories (127.0.0.1:8441)"
    )
    parser.add_argument("--rpc", type=_address, metavar="HOST:PORT", help="where slaves dial in (127.0.0.1:8442)")
    parser.add_argument("--capacity", type=_capacity, metavar="N", help="how many jobs this machine builds at once")
    parser.set_defaults(run=_up)


def _address(text: str) -> Address:
    address = parse_address(text)
    if address is None:
        raise argparse.ArgumentTypeError(f"`{text}` is not an address such as 127.0.0.1:8441")
    return address


def _capacity(text: str) -> int:
    number = whole_number(text, most=256)
    if number is None:
        raise argparse.ArgumentTypeError(f"`{text}` is not a number from 1 to 256")
    return number


def _up(options: argparse.Namespace) -> int:
    state = options.state or folders.of_person("XDG_STATE_HOME", "~/.local/state")
    premises = Premises(state.absolute())
    with _alone(premises.folder):
        premises.prepare(Wishes(options.http, options.rpc, options.capacity), options.now())
        config = read_config(premises.config, MasterConfig)
        for key, address in (("http", config.http), ("rpc", config.rpc)):
            _check_free(premises.config, key, address)
        watch = _Readiness(premises, [_child(premises, name) for name in ("master", "repo", "slave")])
        keep_running(watch.children, watch.look, _say)
    _say("the farm has stopped; builds that were running go on, and the next start takes them up")
    return Exit.DONE


def _say(sentence: str) -> None:
    print(f"builder: {sentence}", file=sys.stderr, flush=True)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder for this process."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = lock.hold(folder / "up.lock", "`builder up`")
    except OSError as error:
        raise UsageError(f"{error.filename} cannot be used for a farm: {error.strerror}") from error
    try:
        yield
    finally:
        os.close(held)


def _check_free(config: Path, key: str, address: Address) -> None:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
        except OSError as error:
            where = f"{address.host}:{address.port}"
            hint = f"free it, or choose another with `{key}` in {config}"
            raise UnavailableError(f"{where} cannot be listened on: {error.strerror}; {hint}") from error


def _child(premises: Premises, name: str) -> Child:
    command = [sys.executable, "-P", "-m", "builder.cli.daemons", name, "--config", str(premises.config)]
    command += ["--parent", str(os.getpid())]
    if name == "master":
        command += ["--client", str(premises.client)]
    return Child(name, command, premises.logs / f"{name}.log")


class _Readiness:
    """A look at the farm until it is ready, which is then said once."""

    def __init__(self, premises: Premises, children: list[Child]) -> None:
        self.children = children
        self._premises = premises
        self._ready = False
        self._patient_until = time.monotonic() + LONG

    def look(self) -> float:
        """Look at the farm, and return the seconds until the next look.

        Raises:
            UnavailableError: A child dies again and again, and the farm was never ready.
        """
        if self._ready:
            return 3600.0
        hopeless = [child for child in self.children if child.deaths >= HOPELESS]
        if hopeless:
            child = hopeless[0]
            raise UnavailableError(f"the {child.name} does not start; see {self._premises.logs / child.name}.log")
        lacking = self._lacking()
        self._ready = lacking is None
        if lacking is None:
            self._tell()
        elif time.monotonic() > self._patient_until:
            _say(f"not ready yet: {lacking}; the logs are in {self._premises.logs}")
            self._patient_until = float("inf")
        return POLL

    def _lacking(self) -> str | None:
        """Return what the farm still waits for, None if it is ready."""
        try:
            farm = Farm(read_settings(self._premises.client), timeout=LOOK)
            slaves = farm.get("slaves")
        except (BuilderError, UsageError) as error:
            return str(error)
        there = any(slave["connected"] and slave["name"] == self._premises.slave for slave in slaves)
        return None if there else f"the slave {self._premises.slave} is not connected"

    def _tell(self) -> None:
        url = read_settings(self._premises.client).url
        print("The farm is up.")
        print(f"  pages         {url}/")
        print(f"  repositories  {url}/repos/")
        print(f"  logs          {self._premises.logs}")
        print(f"  settings      {self._premises.config}")
        print(f"  command line  export BUILDER_CLIENT={self._premises.client}")
        print("Ctrl-C stops it.", flush=True)
