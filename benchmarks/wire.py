"""How fast peers talk over mutual TLS, against Twisted's bare AMP in turn.

    python benchmarks/wire.py [--rounds 5]

Each round asks a child process `CALLS` small questions and sends it `MEGABYTES` in chunks of 60,000 bytes, both with a
window of unanswered questions: once with AMP's own commands, once with `builder.protocol`, on new connections.
"""

import argparse
import contextlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory
from twisted.internet.task import react
from twisted.protocols.amp import AMP, Command, Integer, String

from builder.certificates import Identity, create_authority, issue
from builder.config import Address, Credentials
from builder.model.attempt import Position
from builder.protocol import Handlers, Peer, PeerFactory
from builder.tls import client_endpoint, listen
from builder.wire import CHUNK, LogChunk, Role

CALLS = 20_000
MEGABYTES = 300
CALL_WINDOW = 200
CHUNK_WINDOW = 16
LINE = b"a line of the log of a build\n"
ATTEMPT = "0123456789abcdef" * 2
KINDS = ("bare", "ours")


class BareChunk(Command):
    """What `LogChunk` is as a command of AMP's own."""

    arguments = [(b"attempt", String()), (b"offset", Integer()), (b"data", String())]  # noqa: RUF012 - AMP's way
    response = [(b"records", Integer()), (b"log", Integer())]  # noqa: RUF012 - AMP's way


class Bare(AMP):
    """Answers it."""

    @BareChunk.responder
    def chunk(self, attempt: bytes, offset: int, data: bytes) -> dict[str, int]:  # noqa: ARG002 - AMP's names
        """Take a chunk."""
        return {"records": 0, "log": offset + len(data)}


class Taking:
    """A session that does the same."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer

    def handlers(self) -> Handlers:
        """Answer `LogChunk`."""
        return {LogChunk: self._take}

    def disconnected(self, reason: str) -> None:
        """Nothing depends on it."""

    async def _take(self, chunk: LogChunk) -> Position:
        return Position(records=0, log=chunk.offset + len(chunk.data))


async def serve(kind: str, folder: Path) -> None:
    """Answer until the parent ends this process."""
    bare = Factory.forProtocol(Bare)
    ours = PeerFactory(reactor, frozenset({Role.SLAVE}), Taking, now=time.time)
    address = Address(host="127.0.0.1", port=0)
    port: Any = await listen(reactor, address, credentials(folder, Role.MASTER), bare if kind == "bare" else ours)
    print(port.getHost().port, flush=True)
    await Deferred()


def credentials(folder: Path, role: Role) -> Credentials:
    stem = folder / f"{role.value}-bench"
    return Credentials(ca=folder / "ca.pem", certificate=stem.with_suffix(".pem"), key=stem.with_suffix(".key"))


Ask = Callable[[bytes], Deferred[Any]]


async def dial(kind: str, folder: Path, port: int) -> Ask:
    """A function that asks one question with some data."""
    endpoint = client_endpoint(reactor, Address(host="127.0.0.1", port=port), credentials(folder, Role.SLAVE))
    if kind == "bare":
        bare: Any = await endpoint.connect(Factory.forProtocol(Bare))
        return lambda data: bare.callRemote(BareChunk, attempt=ATTEMPT.encode(), offset=0, data=data)
    begun: Deferred[Peer] = Deferred()

    def session_for(peer: Peer) -> Taking:
        begun.callback(peer)
        return Taking(peer)

    await endpoint.connect(PeerFactory(reactor, frozenset({Role.MASTER}), session_for, now=time.time))
    peer = await begun
    return lambda data: peer.ask(LogChunk(attempt=ATTEMPT, offset=0, data=data))


async def per_second(ask: Ask, data: bytes, count: int, window: int) -> float:
    """Ask `count` times with `window` questions unanswered; returns how many were answered in a second."""
    done: Deferred[None] = Deferred()
    left = {"to ask": count, "unanswered": count}

    def another() -> None:
        if left["to ask"]:
            left["to ask"] -= 1
            _ = ask(data).addCallbacks(answered, done.errback)

    def answered(_: object) -> None:
        left["unanswered"] -= 1
        if left["unanswered"]:
            another()
        else:
            done.callback(None)

    began = reactor.seconds()
    for _ in range(window):
        another()
    await done
    return count / (reactor.seconds() - began)


async def compare(folder: Path, ports: dict[str, int], rounds: int) -> None:
    calls: dict[str, list[float]] = {kind: [] for kind in KINDS}
    megabytes: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for _ in range(rounds):
        for kind in KINDS:
            ask = await dial(kind, folder, ports[kind])
            calls[kind].append(await per_second(ask, LINE, CALLS, CALL_WINDOW))
            chunks = await per_second(ask, bytes(CHUNK), MEGABYTES * 1_000_000 // CHUNK, CHUNK_WINDOW)
            megabytes[kind].append(chunks * CHUNK / 1e6)
            print(f"{kind}: {calls[kind][-1]:,.0f} calls/s, {megabytes[kind][-1]:,.0f} MB/s")
    for what, results in (("calls/s", calls), ("MB/s", megabytes)):
        bare, ours = (statistics.median(results[kind]) for kind in KINDS)
        ratio = statistics.median(after / before for before, after in zip(*results.values(), strict=True))
        print(f"median {what}: bare {bare:,.0f}, ours {ours:,.0f}; median of the rounds' ratios {ratio:.2f}")


@contextlib.contextmanager
def answering(kind: str, folder: Path) -> Iterator[int]:
    """The port on which a child process answers."""
    command = [sys.executable, __file__, "--serve", kind, "--folder", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        yield int(child.stdout.readline())
        child.terminate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--serve", choices=KINDS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        react(lambda _: Deferred.fromCoroutine(serve(given.serve, given.folder)))
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as children:
        folder = Path(name)
        create_authority(folder, "bench", time.time())
        for role in (Role.MASTER, Role.SLAVE):
            issue(folder, Identity(role=role, name="bench"), now=time.time())
        ports = {kind: children.enter_context(answering(kind, folder)) for kind in KINDS}
        react(lambda _: Deferred.fromCoroutine(compare(folder, ports, given.rounds)))


if __name__ == "__main__":
    main()
