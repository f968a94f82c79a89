"""Work that is meant for another thread, done here and now."""

from collections.abc import Callable
from typing import TypeVar

from twisted.internet.defer import Deferred, maybeDeferred

T = TypeVar("T")


def aside(work: Callable[[], T]) -> Deferred[T]:
    """Do it."""
    return maybeDeferred(work)
