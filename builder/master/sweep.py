"""What nobody needs any more is removed from `incoming/`: everything of builds that have ended.

Published packages have left it before; what stays are the SRPMs that chroot jobs were made from, and what was delivered
of attempts that came to nothing.
"""

from functools import partial
from pathlib import Path

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from builder import files
from builder.errors import UnavailableError
from builder.master import disk
from builder.master.bell import Bell
from builder.master.delivery import Aside
from builder.master.rounds import rounds
from builder.master.store import builds
from builder.master.store.database import Store

EVERY = 600.0
"""Seconds between two sweeps."""

_log = Logger()


class Sweep:
    """Removes from the folder `incoming`, whose folders are called after the numbers of builds."""

    def __init__(self, store: Store, incoming: Path, clock: IReactorTime, aside: Aside) -> None:
        self._store = store
        self._incoming = incoming
        self._clock = clock
        self._aside = aside

    async def run(self) -> None:
        """Sweep now and then, until cancelled."""
        await rounds("Sweeping", Bell(), self._clock, self.look)

    async def look(self) -> float:
        """Sweep once; returns after how many seconds to do so again."""
        with disk.explained(self._incoming):
            there = [int(path.name) for path in self._incoming.iterdir() if path.name.isdecimal()]
        for number in await self._store.read(partial(builds.over, numbers=there)):
            await self._remove(self._incoming / str(number))
        return EVERY

    async def _remove(self, folder: Path) -> None:
        try:
            with disk.explained(folder):
                await self._aside(partial(files.remove_tree, folder))
        except UnavailableError as error:
            _log.warn("what was delivered for build {build} stays: {error}", build=folder.name, error=error)
        else:
            _log.debug("removed what was delivered for build {build}", build=folder.name)
