"""Mutated RPMs: real ones with bytes that are changed, removed, repeated or put in, each delivered with a true listing.

usage: python -m tests.support.mutations [--mutations N] [--seconds S] [--seed SEED]

However an RPM is damaged, it is refused with a reason that names it, or it is published with just the content that its
digest says: where nothing but the header of signatures is damaged, whose digests for old clients are not looked at. The
repository builder, whose child reads the headers, goes on, and a true delivery is published at the end.
"""

import argparse
import hashlib
import secrets
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import msgspec

from builder.model.operation import NumberedOperation
from builder.repo.headers import read_apart
from builder.repo.operations import Operations
from builder.state import StateFolder
from builder.wire import Applied, Rejected
from tests.support.repositories import packages
from tests.support.rpms import artifact_of, deliver, order_of, rpms, write_listing

HEADERS = 6000
"""Bytes at the beginning of a small RPM where its headers are; most of what is changed is there."""

Mutation = Callable[[bytearray, int, Random], None]


def _flip(content: bytearray, place: int, random: Random) -> None:
    content[place] ^= 1 << random.randrange(8)


def _overwrite(content: bytearray, place: int, random: Random) -> None:
    length = random.choice((1, 2, 4, 16, 200))
    content[place : place + length] = random.randbytes(length)


def _number(content: bytearray, place: int, random: Random) -> None:
    """A number of a header's index or of its beginning: the largest, the smallest, or nearly what was there."""
    place -= place % 4
    value = int.from_bytes(content[place : place + 4])
    chosen = random.choice((0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, value + 1, value - 1, value << 8))
    content[place : place + 4] = (chosen & 0xFFFFFFFF).to_bytes(4)


def _remove(content: bytearray, place: int, random: Random) -> None:
    del content[place : place + random.choice((1, 4, 16, 500))]


def _repeat(content: bytearray, place: int, random: Random) -> None:
    length = random.choice((1, 4, 16, 500))
    content[place:place] = content[place : place + length]


def _cut(content: bytearray, place: int, _: Random) -> None:
    del content[place:]


MUTATIONS: tuple[Mutation, ...] = (_flip, _overwrite, _number, _number, _remove, _repeat, _cut)


def mutated(content: bytes, random: Random) -> bytes:
    """The content with one to four changes."""
    changed = bytearray(content)
    for _ in range(random.choice((1, 1, 2, 4))):
        end = min(HEADERS, len(changed)) if random.random() < 0.8 else len(changed)
        if end:
            random.choice(MUTATIONS)(changed, random.randrange(end), random)
    return bytes(changed)


class Deliveries:
    """Repository builders in folders below `folder`, to which mutated RPMs are delivered, one after the other."""

    def __init__(self, folder: Path, random: Random) -> None:
        self.outcomes: Counter[str] = Counter()
        self._folder = folder
        self._random = random
        self._number = 0
        self._begin()

    def mutated(self) -> None:
        """Deliver a build of which one package is mutated, and look at what became of it."""
        files = rpms("hello", arch="x86_64")
        victim = self._random.choice(files)
        content = mutated(victim.read_bytes(), self._random)
        answer = self._deliver(files, victim, content)
        if isinstance(answer, Rejected):
            assert victim.name in answer.reason, answer.reason
            assert not list(self._state.pool.iterdir()), "something was published all the same"
            self.outcomes[f"rejected: {_kind(answer.reason)}"] += 1
        else:
            self._check(victim, content)
            self.outcomes["published as it is"] += 1
            self._begin()

    def true(self) -> None:
        """The same repository builder publishes what is not mutated."""
        files = rpms("hello", arch="x86_64")
        answer = self._deliver(files, files[0], files[0].read_bytes())
        assert isinstance(answer, Applied), answer
        self._check(files[0], files[0].read_bytes())

    def _begin(self) -> None:
        """Go on with a repository builder that knows nothing, in the place of one that has published."""
        self._state = StateFolder(self._folder / str(self._number))
        self._operations = Operations(self._state, lambda: 0.0, read_apart)
        self._operations.recover()

    def _deliver(self, files: Sequence[Path], victim: Path, content: bytes) -> Applied | Rejected:
        """Deliver a build of which one file has this content, as its listing says."""
        self._number += 1
        order = order_of(self._number)
        folder = deliver(self._state.path, order, files)
        (folder / victim.name).write_bytes(content)
        changes = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        changed = msgspec.structs.replace(artifact_of(victim), **changes)
        write_listing(folder, tuple(changed if file == victim else artifact_of(file) for file in files))
        return self._operations.carry_out([NumberedOperation(number=self._number, operation=order)])[0]

    def _check(self, victim: Path, content: bytes) -> None:
        """What is published under the name is what was delivered, and what its digest in the metadata says."""
        tree = self._state.repos / "hello/testing/fedora-43" / ("source" if ".src." in victim.name else "x86_64")
        (package,) = packages(tree).values()
        assert package.pkgId == hashlib.sha256(content).hexdigest()
        assert (tree / package.location_href).read_bytes() == content


def _kind(reason: str) -> str:
    """A reason without what is different each time."""
    for kind in ("header is not what its digest", "payload is not what its digest", "ended the program", "is no RPM"):
        if kind in reason:
            return kind
    return "says something else"


def main() -> int:
    """Mutate, deliver, and say what was found."""
    parser = argparse.ArgumentParser(description="Deliver mutated RPMs and look at what is published.")
    parser.add_argument("--mutations", type=int, default=1000, metavar="N", help="how many (default: 1000)")
    parser.add_argument("--seconds", type=float, default=3600.0, help="stop after this time (default: 3600)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="of the mutations")
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="builder-mutations-", dir="/var/tmp") as name:
        deliveries = Deliveries(Path(name), Random(options.seed))
        sys.stdout.write(f"seed {options.seed}\n")
        while deliveries.outcomes.total() < options.mutations and time.monotonic() - began < options.seconds:
            deliveries.mutated()
        deliveries.true()
    outcomes = deliveries.outcomes
    sys.stdout.write(f"{outcomes.total()} mutated RPMs in {time.monotonic() - began:.0f} s: {dict(outcomes)}\n")
    sys.stdout.write("none is published with other content than its digest says\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
