"""The slave's journal: one folder per attempt, from before its order is acknowledged until its end is.

The master waits for the word that an order is written down. So the folder of the next attempt is made beforehand, with
all that is reserved in it; an order is written into it, and then it gets its name.

An attempt that the master does not know (its database was restored from a backup) is parked: somebody has a month to
look at it.
"""

from contextlib import suppress
from pathlib import Path

from twisted.logger import Logger

from builder import files
from builder.attempt import kept
from builder.attempt.folder import ORDER_NAME, AttemptFolder
from builder.model.work import WorkOrder
from builder.state import SlaveFolder

_log = Logger()


class Journal:
    """The attempts in the slave's `state` folder."""

    def __init__(self, state: SlaveFolder) -> None:
        self._attempts = state.attempts
        self._parked = state.parked
        self._next = AttemptFolder(state.next)
        files.make_folder(self._attempts)
        files.make_folder(self._parked)
        kept.prune(self._parked)
        files.remove_tree(self._next.path)

    def held(self) -> tuple[AttemptFolder, ...]:
        """Return the attempts that are there; remove those that an earlier life did not finish writing, or removing."""
        found = []
        for path in sorted(self._attempts.iterdir()):
            folder = AttemptFolder(path)
            if (path / ORDER_NAME).exists():
                found.append(folder)
            else:
                self._remove(folder)
        return tuple(found)

    def _remove(self, folder: AttemptFolder) -> None:
        try:
            self.forget(folder)
        except OSError as error:  # it stands in nobody's way
            _log.warn("what an earlier attempt has left cannot be removed: {error}", error=error)

    def record(self, order: WorkOrder) -> AttemptFolder:
        """Make the folder of a new attempt; its order is durable when this returns.

        Raises:
            OSError: It cannot be written; nothing of it is left.
        """
        folder = AttemptFolder(self._attempts / order.attempt)
        try:
            self._make_next()
            folder.order = self._next.write_order(order)
            files.rename(self._next.path, folder.path)
            for path in (folder.path / ORDER_NAME, folder.path, self._attempts):  # the first makes all of it durable
                files.sync(path)
        except OSError:
            self._remove(self._next)
            self._remove(folder)
            raise
        return folder

    def prepare(self) -> None:
        """Make the next attempt's folder ready beforehand; otherwise `record` makes it when the order comes."""
        with suppress(OSError):
            self._make_next()

    def _make_next(self) -> None:
        if not self._next.path.exists():
            self._next.path.mkdir()
            try:
                self._next.reserve()
            except OSError:  # one without room must not be there for the next order
                files.remove_tree(self._next.path)
                raise

    def forget(self, folder: AttemptFolder) -> None:
        """Remove an attempt whose end is acknowledged; interrupted, `held` finishes it."""
        files.remove(folder.path / ORDER_NAME)
        files.remove_tree(folder.path)

    def park(self, folder: AttemptFolder) -> Path:
        """Put an attempt aside that the master does not know, and return where it is now."""
        folder.drop_secrets()
        place = self._parked / folder.path.name
        number = 1
        while place.exists():
            number += 1
            place = self._parked / f"{folder.path.name}.{number}"
        files.move(folder.path, place)
        kept.use(place)
        kept.prune(self._parked)
        files.sync(self._attempts)
        return place
