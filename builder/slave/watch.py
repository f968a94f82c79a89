"""The watch on a runner's files, by inotify(7), at once; whoever watches keeps a slow timer too."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from twisted.internet.inotify import IN_MODIFY, IN_MOVED_TO, INotify
from twisted.internet.interfaces import IReactorFDSet
from twisted.logger import Logger
from twisted.python._inotify import INotifyError
from twisted.python.filepath import FilePath

_log = Logger()
_CHANGES = IN_MODIFY | IN_MOVED_TO
"""The changes that are watched. IN_CLOSE_WRITE is not: whoever looks if a lock is held closes it, and would be told of
that for ever.
"""


class Watch(Protocol):
    """A watch on folders."""

    def begin(self, folder: Path, changed: Callable[[str], None]) -> None:
        """Call `changed` with the name of each file in `folder` that is written or moved there."""
        ...

    def end(self, folder: Path) -> None:
        """Stop telling of `folder`."""
        ...


class InotifyWatch:
    """A watch with one inotify descriptor."""

    def __init__(self, reactor: IReactorFDSet) -> None:
        self._notify = INotify(reactor)
        self._notify.startReading()
        self._watched: set[Path] = set()

    def begin(self, folder: Path, changed: Callable[[str], None]) -> None:
        """Add a watch."""

        def told(_: object, path: FilePath[Any], __: int) -> None:
            try:
                changed(path.asTextMode().basename())
            except Exception:  # noqa: BLE001 - the reactor would close the watch of all folders
                _log.failure("a change in {folder} led to a failure", folder=folder)

        try:
            self._notify.watch(FilePath(str(folder)), _CHANGES, callbacks=[told])
        except INotifyError as error:  # the host's limit of watches: the timer will have to do
            _log.warn("{folder} is not watched: {error}", folder=folder, error=error)
        else:
            self._watched.add(folder)

    def end(self, folder: Path) -> None:
        """Remove the watch, if there is one."""
        if folder in self._watched:
            self._watched.remove(folder)
            self._notify.ignore(FilePath(str(folder)))

    def stop(self) -> None:
        """End all watches."""
        self._notify.loseConnection()
