"""The budget of the master: the bytes of all chunks that have come and are not yet written.

AMP has no flow control. A peer whose chunk is over the budget is not read any more until there is room; its lease
does not age meanwhile (see `Peer.silence`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

LIMIT: Final = 32 * 1024 * 1024


class Pausable(Protocol):
    """A peer, as far as the budget knows it."""

    def pause(self) -> None:
        """Read nothing more until `resume`."""

    def resume(self) -> None:
        """Go on reading."""


class Budget:
    """The budget of the whole master; `limit` in bytes."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._paused: set[Pausable] = set()
        self.used = 0

    @contextmanager
    def spent(self, peer: Pausable, size: int) -> Iterator[None]:
        """Count `size` bytes of `peer` for as long as the block runs."""
        self.used += size
        if self.used > self._limit:
            self._paused.add(peer)
            peer.pause()
        try:
            yield
        finally:
            self.used -= size
            if self.used <= self._limit // 2:
                self._resume()

    def _resume(self) -> None:
        paused, self._paused = self._paused, set()
        for peer in paused:
            peer.resume()
