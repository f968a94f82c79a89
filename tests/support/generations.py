"""Clients that install while one generation follows another: none of them sees an error.

usage: python -m tests.support.generations [--generations N] [--cycles N] [--clients N]

A signed project is served over HTTP. One thread publishes, each publish a generation of its own; meanwhile clients,
each a machine with a real dnf or a real zypper, refresh, download and install into an empty root, again and again.
Between two of these steps another generation becomes current, at least, so that each cycle spans several. Half of the
clients use the farm's `.repo` file, with both signature checks; the others a plain `baseurl` and check packages alone,
since the two requests for metadata and its signature may lie on either side of a switch there. It ends when there were
enough of both, generations and cycles.
"""

import argparse
import secrets
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from threading import Condition, Event
from typing import Any, NamedTuple
from urllib.request import ProxyHandler, build_opener

import msgspec
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.task import react
from twisted.internet.threads import deferToThread

from builder.config import Address
from builder.errors import UnavailableError
from builder.model.operation import Key, KeyAction, NumberedOperation
from builder.web.service import listen
from builder.wire import Applied
from tests.support import dnf, zypper
from tests.support.repositories import Workbench, plain, plain_for_zypper
from tests.support.rpms import deliver, order_of, rpms
from tests.support.small_farm import SmallFarm

REPOSITORY = "repos/hello/testing/fedora-43"
EACH = 100
"""How many packages one spec makes, of which every publish takes one."""
PAYLOAD = 400_000
PAUSE = 0.4
"""Seconds between two publishes, in which the processor is the clients'."""
LONGEST = 120
"""Seconds after which there must have been another generation."""
TRIES = 20
"""After so many tries again, something is wrong with the repository builder."""
UPDATE = 25
"""Every so many publishes, there is a new version of what clients install."""


class Cycle(NamedTuple):
    """One client's cycle: how many generations became current meanwhile, its seconds, and what was wrong."""

    generations: int
    seconds: float
    error: str


class Publisher:
    """Publishes into a state folder.

    Attributes:
        done: How many generations there were.
        again: How often one was tried again, as the repository builder does.
        enough: How many are needed.
        over: Set when nobody waits for more of them.
    """

    def __init__(self, state: Path, enough: int) -> None:
        self.done = 0
        self.again = 0
        self.enough = enough
        self.over = Event()
        self._another = Condition()
        self._bench = Workbench(state, time.time())
        self._carry_out(1, Key(project="hello", action=KeyAction.CREATE))
        self._versions = 0
        self._waiting = self._parts()
        self._publish_version()
        self._publish(*next(self._waiting))

    def run(self) -> None:
        """Publish until nobody waits for more."""
        while not self.over.wait(PAUSE):
            if self.done % UPDATE == UPDATE - 1:
                self._publish_version()
            else:
                self._publish(*next(self._waiting))

    def another(self) -> None:
        """Wait until another generation is current than now."""
        with self._another:
            now = self.done
            assert self._another.wait_for(lambda: self.done > now, LONGEST), "there is no other generation"

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
        with self._another:
            self.done += 1
            self._another.notify_all()

    def _carry_out(self, number: int, order: Any) -> None:
        self._bench.now = time.time()
        try:
            (answer,) = self._bench.operations.carry_out([NumberedOperation(number=number, operation=order)])
        except UnavailableError:
            self.again += 1
            if self.again == TRIES:
                raise
            self._carry_out(number, order)
        else:
            assert isinstance(answer, Applied), answer


class Kind(NamedTuple):
    """A kind of client: what runs commands on a new machine, the commands, and what makes a `.repo` file plain."""

    machine: Callable[[Path, str], Callable[..., tuple[int, str]]]
    steps: tuple[tuple[str, ...], ...]
    plain: Callable[[str], str]


KINDS = {
    "dnf": Kind(
        lambda folder, text: dnf.Client(folder, text).dnf,
        (("--refresh", "makecache"), ("install", "--downloadonly", "hello"), ("install", "hello")),
        plain,
    ),
    "zypper": Kind(
        lambda folder, text: zypper.Client(folder, text).zypper,
        (("refresh",), ("--no-refresh", "install", "--download-only", "hello"), ("--no-refresh", "install", "hello")),
        plain_for_zypper,
    ),
}


def follow(publisher: Publisher, kind: Kind, folder: Path, text: str, cycles: int) -> list[Cycle]:
    """Install again and again into an empty root, until there were enough cycles and generations."""
    found: list[Cycle] = []
    while not publisher.over.is_set() and (len(found) < cycles or publisher.done < publisher.enough):
        shutil.rmtree(folder, ignore_errors=True)
        before, began = publisher.done, time.monotonic()
        error = _cycle(publisher, kind, folder, text)
        found.append(Cycle(publisher.done - before, time.monotonic() - began, error))
    return found


def _cycle(publisher: Publisher, kind: Kind, folder: Path, text: str) -> str:
    """Carry out the steps of one cycle; returns what the one said that failed."""
    run = kind.machine(folder, text)
    for number, step in enumerate(kind.steps):
        if number:
            publisher.another()
        code, said = run(*step)
        if code:
            return said
    return "" if (folder / "root/usr/share/hello/hello/1").exists() else "nothing was installed"


async def prove(folder: Path, generations: int, cycles: int, clients: int) -> bool:
    """Publish and install, tell the figures, and return whether all went well."""
    reactor.suggestThreadPoolSize(10 + 2 * len(KINDS) * clients)  # type: ignore[attr-defined]  # as all reactors
    publisher = await deferToThread(Publisher, folder / "state", generations)
    farm = SmallFarm(folder / "state").farm
    port = await listen(reactor, farm, msgspec.structs.replace(farm.config, http=Address(host="127.0.0.1", port=0)))
    url = f"http://127.0.0.1:{port.getHost().port}"  # type: ignore[attr-defined]  # a TCP port's address
    text = await deferToThread(_read, f"{url}/{REPOSITORY}/hello-testing.repo")
    publishing = deferToThread(publisher.run)
    began = time.monotonic()
    ways: dict[str, tuple[Kind, str]] = {}
    for name, kind in KINDS.items():
        ways[f"{name} by mirrorlist"] = (kind, text)
        ways[f"{name} by baseurl"] = (kind, kind.plain(text))
    follows = [
        deferToThread(follow, publisher, kind, folder / f"{way}{number}".replace(" ", "-"), repo, -(-cycles // clients))
        for number in range(clients)
        for way, (kind, repo) in ways.items()
    ]
    try:
        found: list[list[Cycle]] = await gatherResults(follows, consumeErrors=True)
    finally:
        publisher.over.set()
    await publishing
    seconds = time.monotonic() - began
    await maybeDeferred(port.stopListening)
    sys.stdout.write(f"{publisher.done} generations in {seconds:.0f} s, {publisher.again} tried again\n")
    fared = [told(way, list(chain.from_iterable(found[number :: len(ways)]))) for number, way in enumerate(ways)]
    return all(fared)


def told(way: str, cycles: list[Cycle]) -> bool:
    """Tell how one kind of client has fared, and return whether it saw no error, and several generations each time."""
    during = [cycle.generations for cycle in cycles]
    errors = [cycle.error for cycle in cycles if cycle.error]
    seconds = statistics.median(cycle.seconds for cycle in cycles)
    figures = (
        f"{way}: {len(cycles)} cycles of {seconds:.1f} s (median), during which {min(during)} to {max(during)}"
        f" generations became current, {len(errors)} errors"
    )
    sys.stdout.write("\n".join((figures, *errors[:3], "")))
    return not errors and min(during) > 1


def _read(url: str) -> str:
    with build_opener(ProxyHandler({})).open(url, timeout=60) as answer:
        return str(answer.read().decode())


def main() -> None:
    """Take the arguments, and exit with 1 if a client saw an error."""
    parser = argparse.ArgumentParser(description="Install while generations follow each other.")
    parser.add_argument("--generations", type=int, default=1000)
    parser.add_argument("--cycles", type=int, default=300, help="of each kind of client, in each way")
    parser.add_argument("--clients", type=int, default=2, help="of each, at the same time")
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
