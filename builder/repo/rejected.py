"""Rejected deliveries: set aside with the reason, shown to people, and removed in time or when told to.

rejected/<operation>-<build>-<job>-<fence>/{files/, reason.json}, and dropped.json with those that people have
dropped.
"""

import re
import stat
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from builder import files
from builder.errors import NotFoundError
from builder.model import LABEL_PATTERN, Sha256, Value
from builder.model.operation import Publish
from builder.model.rejected import RejectedDelivery, RejectedFile

KEPT = 30 * 24 * 3600.0
"""Seconds for which a rejected delivery is kept for a person to look at."""
REMEMBERED = 100
"""Number of drops that are remembered: more than ever wait for an answer."""
FILES = "files"
REASON = "reason.json"
_DROPPED = "dropped.json"
_LABEL = re.compile(LABEL_PATTERN)


class Refusal(Value, frozen=True, kw_only=True):
    """The content of `reason.json` of a delivery: with its listing's digest; `time` is in seconds since the epoch."""

    operation: int
    order: Publish
    listing: Sha256 | None = None
    reason: str
    time: float


class Dropped(Value, frozen=True, kw_only=True):
    """A drop: the operation `operation` has removed the delivery `name`, which the rest describes in words."""

    operation: int
    name: str
    text: str


class RejectedDeliveries:
    """The folder `rejected/`. It blocks while it reads; the repository builder alone writes.

    It has the deliveries of all projects, and each thread that comes by removes the old ones, one thread at a time.
    No delivery is removed while its reason is just being written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder: Final = folder
        self._lock = threading.Lock()

    def listing(self, project: str | None = None) -> tuple[RejectedDelivery, ...]:
        """Return all deliveries, or those of one project, the newest first, without their files."""
        there = ((place, refusal(place)) for place in files.entries(self.folder))
        shown = [_shown(place, why) for place, why in there if why and project in {None, why.order.project}]
        return tuple(sorted(shown, key=lambda one: (one.time, one.operation), reverse=True))

    def show(self, name: str) -> RejectedDelivery:
        """Return a delivery with its files.

        Raises:
            NotFoundError: There is no delivery of that name.
        """
        place = self.folder / name
        why = refusal(place) if _LABEL.fullmatch(name) else None
        if why is None:
            raise NotFoundError(f"nothing called {name} was rejected; `builder repo rejected list` shows what was")
        return msgspec.structs.replace(_shown(place, why), files=tuple(_files(place / FILES)))

    def recover(self) -> None:
        """Remove the notes that an earlier life has begun."""
        for folder in (self.folder, *files.entries(self.folder)):
            files.remove_begun(folder)

    def note(self, place: Path, why: Refusal) -> None:
        """Make a place for a delivery, with the reason in it."""
        with self._lock:
            files.make_folder(place)
            files.write(place / REASON, msgspec.json.encode(why))

    def dropped(self, operation: int, name: str) -> Dropped | None:
        """Return the drop by which an operation has removed a delivery, None if none is remembered."""
        return next((one for one in self._dropped() if (one.operation, one.name) == (operation, name)), None)

    def drop(self, dropped: Dropped, waste: Path) -> None:
        """Remove a delivery by way of the folder `waste`, and remember it; nothing happens the second time."""
        with self._lock:
            if dropped not in self._dropped():
                files.write(self.folder / _DROPPED, msgspec.json.encode((*self._dropped(), dropped)[-REMEMBERED:]))
            files.discard(self.folder / dropped.name, waste)

    def prune(self, now: float, waste: Path) -> None:
        """Remove deliveries set aside long ago, by way of the folder `waste`, with or without a reason in them."""
        with self._lock:
            for place in files.entries(self.folder):
                why = refusal(place)
                since = place.lstat().st_mtime if why is None else why.time
                if place.is_dir() and now - since > KEPT:
                    files.discard(place, waste)

    def _dropped(self) -> tuple[Dropped, ...]:
        """Return the drops remembered; none if they cannot be read, which makes an answer worse and nothing else."""
        try:
            return msgspec.json.decode((self.folder / _DROPPED).read_bytes(), type=tuple[Dropped, ...])
        except (OSError, msgspec.MsgspecError):
            return ()


def refusal(place: Path) -> Refusal | None:
    """Return the refusal noted at this place; None if noting it was interrupted, or if it is damaged."""
    try:
        return msgspec.json.decode((place / REASON).read_bytes(), type=Refusal)
    except (OSError, msgspec.MsgspecError):
        return None


def _shown(place: Path, why: Refusal) -> RejectedDelivery:
    return RejectedDelivery(
        name=place.name,
        operation=why.operation,
        project=why.order.project,
        package=why.order.package,
        build=why.order.build,
        job=why.order.job,
        fence=why.order.fence,
        reason=why.reason,
        time=why.time,
        until=why.time + KEPT,
    )


def _files(folder: Path) -> Iterable[RejectedFile]:
    """Yield the files of a delivery; none is opened or followed: the names are as hostile as the content."""
    for path in sorted(files.entries(folder)):
        facts = path.lstat()
        name = "".join(letter if letter.isprintable() else "?" for letter in path.name)
        yield RejectedFile(name=name, size=facts.st_size if stat.S_ISREG(facts.st_mode) else 0)
