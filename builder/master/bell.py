"""The bell that rings when something was committed.

Code that acts on changes waits for it, and then reads from the database what there is to do: a ring says that
something happened, never what. Waiting begins before reading, or a ring in between is missed:

    rung = bell.wait()
    ...read, act...
    await rung
"""

from twisted.internet.defer import Deferred


class Bell:
    """A bell that wakes everyone who waits, once per ring. All of it in the reactor's thread."""

    def __init__(self) -> None:
        self._waiting: list[Deferred[None]] = []

    def wait(self) -> Deferred[None]:
        """Return a Deferred that fires at the next ring; may be cancelled."""
        rung: Deferred[None] = Deferred(self._forget)
        self._waiting.append(rung)
        return rung

    def ring(self) -> None:
        """Wake all who wait now; those who begin to wait while they are woken wait for the next ring."""
        waiting, self._waiting = self._waiting, []
        for rung in waiting:
            rung.callback(None)

    def _forget(self, rung: Deferred[None]) -> None:
        self._waiting = [other for other in self._waiting if other is not rung]
