"""The sweep of files that nobody needs any more: those of ended builds in `incoming/`, and old logs.

Published packages have left `incoming/` before; what stays are the SRPMs that chroot jobs were made from, and the
deliveries of attempts that came to nothing. Logs stay for a time after the end of their build; then pages say that
they were removed.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from builder import files
from builder.errors import UnavailableError
from builder.master import disk
from builder.master.bell import Bell
from builder.master.delivery import Aside
from builder.master.logs import Logs
from builder.master.rounds import rounds
from builder.master.store import builds
from builder.master.store.database import Store

EVERY = 600.0
"""Seconds between two sweeps."""
_TOGETHER = 1000
"""Number of builds that are asked after at once."""

_log = Logger()


class Sweep:
    """The sweep of the folder `incoming`, whose folders are called after the numbers of builds, and of `logs`.

    Logs stay for `keep` seconds after the end of their build.
    """

    def __init__(
        self, store: Store, incoming: Path, logs: Logs, keep: float, clock: IReactorTime, aside: Aside
    ) -> None:
        self._store = store
        self._incoming = incoming
        self._logs = logs
        self._keep = keep
        self._clock = clock
        self._aside = aside

    async def run(self) -> None:
        """Sweep now and then, until cancelled."""
        await rounds("Sweeping", Bell(), self._clock, self.look)

    async def look(self) -> float:
        """Sweep once; return the seconds until the next time."""
        with disk.explained(self._incoming):
            there = [int(path.name) for path in self._incoming.iterdir() if path.name.isdecimal()]
        for number in await self._over(there):
            what = f"what was delivered for build {number}"
            await self._remove(what, partial(files.remove_tree, self._incoming / str(number)))
        for number in await self._over(self._logs.builds(), self._keep):
            await self._remove(f"the logs of build {number}", partial(self._logs.remove, number))
        return EVERY

    async def _over(self, numbers: Iterable[int], age: float | None = None) -> list[int]:
        """Return those of these builds that have ended, a part at a time: a query takes only so many numbers."""
        return [
            number
            for part in _parts(tuple(numbers))
            for number in await self._store.read(partial(builds.over, numbers=part, age=age))
        ]

    async def _remove(self, what: str, work: Callable[[], None]) -> None:
        try:
            with disk.explained(self._incoming.parent):
                await self._aside(work)
        except UnavailableError as error:
            _log.warn("{what} stays: {error}", what=what, error=error)
        else:
            _log.debug("removed {what}", what=what)


def _parts(numbers: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    return (numbers[start : start + _TOGETHER] for start in range(0, len(numbers), _TOGETHER))
