"""Clients that install while one generation follows another: none of them sees an error.

usage: python -m tests.support.generations [--generations N] [--cycles N] [--clients N]

A signed project is served over HTTP. One thread publishes, each publish a generation of its own; meanwhile clients,
each a machine with a real dnf, refresh, download and install into an empty root, again and again, so slowly that a
transaction spans several generations. Half of them use the farm's `.repo` file, with both signature checks; the others
a plain `baseurl` with `gpgcheck` alone, since the two requests for metadata and its signature may lie on either side of
a switch there. It ends when there were enough of both, generations and cycles.
"""

import argparse
import re
import secrets
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple
from urllib.request import ProxyHandler, build_opener

import msgspec
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.task import react
from twisted.internet.threads import deferToThread

from builder.config import Address
from builder.errors import UnavailableError
from builder.model.operation import Key, KeyAction, Operation
from builder.web.service import listen
from builder.wire import Applied
from tests.support.dnf import Client
from tests.support.repositories import Workbench
from tests.support.rpms import deliver, order_of, rpms
from tests.support.small_farm import SmallFarm

REPOSITORY = "repos/hello/testing/fedora-43"
EACH = 100
"""How many packages one spec makes, of which every publish takes one."""
PAYLOAD = 400_000
THROTTLE = 60_000
"""Bytes per second that a client takes; its package needs some three seconds."""
TRIES = 20
"""After so many tries again, something is wrong with the repository builder."""
UPDATE = 25
"""Every so many publishes, there is a new version of what clients install."""


class Cycle(NamedTuple):
    """One client's cycle: how many generations became current during it, and what was wrong, if anything."""

    generations: int
    error: str


class Publisher:
    """Publishes into a state folder.

    Attributes:
        done: How many generations there were.
        again: How often one was tried again, as the repository builder does.
        over: Set when nobody needs more of them.
    """

    def __init__(self, state: Path) -> None:
        self.done = 0
        self.again = 0
        self.over = Event()
        self._bench = Workbench(state, time.time())
        self._carry_out(1, Key(project="hello", action=KeyAction.CREATE))
        self._versions = 0
        self._waiting = self._parts()
        self._publish_version()
        self._publish(*next(self._waiting))

    def run(self, generations: int) -> None:
        """Publish until there were so many generations and nobody waits for more."""
        while self.done < generations or not self.over.is_set():
            if self.done % UPDATE == UPDATE - 1:
                self._publish_version()
            else:
                self._publish(*next(self._waiting))

    def _parts(self) -> Iterator[tuple[str, tuple[Path, ...]]]:
        """One package after the other, with its SRPM."""
        while True:
            name = f"bulk{self.done}"
            *parts, source = rpms(name, subpackages=tuple(f"part{number:03}" for number in range(EACH - 1)))
            for part in parts:
                yield name, (part, source)

    def _publish_version(self) -> None:
        self._versions += 1
        files = rpms("hello", version=f"1.{self._versions}", content=secrets.token_hex(PAYLOAD // 2))
        self._publish("hello", files)

    def _publish(self, package: str, files: tuple[Path, ...]) -> None:
        number = self.done + 2
        order = order_of(number, package=package, srpm=files[-1].name)
        deliver(self._bench.state, order, files)
        self._carry_out(number, order)
        self.done += 1

    def _carry_out(self, number: int, order: Any) -> None:
        self._bench.now = time.time()
        try:
            (answer,) = self._bench.operations.carry_out([Operation(number=number, order=order)])
        except UnavailableError:
            self.again += 1
            if self.again == TRIES:
                raise
            self._carry_out(number, order)
        else:
            assert isinstance(answer, Applied), answer


def follow(publisher: Publisher, folder: Path, text: str, cycles: int) -> list[Cycle]:
    """Install again and again into an empty root."""
    found: list[Cycle] = []
    while len(found) < cycles:
        shutil.rmtree(folder, ignore_errors=True)
        client = Client(folder, text)
        before = publisher.done
        code, said = client.dnf("--refresh", f"--setopt=throttle={THROTTLE}", "install", "hello")
        error = "" if code == 0 and "Complete!" in said else said
        found.append(Cycle(publisher.done - before, error))
    return found


def plain(text: str, url: str) -> str:
    """The `.repo` file of somebody who names the repository's own address."""
    text = re.sub(r"(?m)^mirrorlist=.*\$basearch/mirrorlist$", f"baseurl={url}/{REPOSITORY}/x86_64/", text, count=1)
    return text.replace("repo_gpgcheck=1", "repo_gpgcheck=0")


async def prove(folder: Path, generations: int, cycles: int, clients: int) -> bool:
    """Publish and install, tell the figures, and return whether all went well."""
    publisher = await deferToThread(Publisher, folder / "state")
    farm = SmallFarm(folder / "state").farm
    port = await listen(reactor, farm, msgspec.structs.replace(farm.config, http=Address(host="127.0.0.1", port=0)))
    url = f"http://127.0.0.1:{port.getHost().port}"  # type: ignore[attr-defined]  # a TCP port's address
    text = await deferToThread(_read, f"{url}/{REPOSITORY}/hello-testing.repo")
    publishing = deferToThread(publisher.run, generations)
    began = time.monotonic()
    ways = {"mirrorlist": text, "baseurl": plain(text, url)}
    follows = [
        deferToThread(follow, publisher, folder / f"{way}{number}", repo, -(-cycles // clients))
        for number in range(clients)
        for way, repo in ways.items()
    ]
    found: list[list[Cycle]] = await gatherResults(follows, consumeErrors=True)
    publisher.over.set()
    await publishing
    seconds = time.monotonic() - began
    await maybeDeferred(port.stopListening)
    sys.stdout.write(f"{publisher.done} generations in {seconds:.0f} s, {publisher.again} tried again\n")
    fared = [told(way, list(chain.from_iterable(found[number :: len(ways)]))) for number, way in enumerate(ways)]
    return all(fared)


def told(way: str, cycles: list[Cycle]) -> bool:
    """Tell how one kind of client has fared, and return whether it saw no error, and several generations at once."""
    during = statistics.median(cycle.generations for cycle in cycles)
    errors = [cycle.error for cycle in cycles if cycle.error]
    figures = f"{way}: {len(cycles)} cycles, {during:.0f} generations during one (median), {len(errors)} errors"
    sys.stdout.write("\n".join((figures, *errors[:3], "")))
    return not errors and during > 1


def _read(url: str) -> str:
    with build_opener(ProxyHandler({})).open(url, timeout=60) as answer:
        return str(answer.read().decode())


def main() -> None:
    """Take the arguments, and exit with 1 if a client saw an error."""
    parser = argparse.ArgumentParser(description="Install while generations follow each other.")
    parser.add_argument("--generations", type=int, default=1000)
    parser.add_argument("--cycles", type=int, default=300, help="of each kind of client")
    parser.add_argument("--clients", type=int, default=2, help="of each kind, at the same time")
    options = parser.parse_args()
    went_well = []

    async def proved(_: object) -> None:
        with tempfile.TemporaryDirectory(prefix="builder-generations-") as folder:
            went_well.append(await prove(Path(folder), options.generations, options.cycles, options.clients))

    try:
        react(lambda reactor: Deferred.fromCoroutine(proved(reactor)))
    except SystemExit:
        sys.exit(0 if went_well == [True] else 1)


if __name__ == "__main__":
    main()
