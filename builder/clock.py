"""Time as an argument, and work that nobody awaits.

Code that waits takes an `IReactorTime`; only the entry points name the reactor. The wall clock is for showing people
when something happened, and for what is kept for days, over restarts; it never decides if anybody is late. Only the
entry points read it, and hand it on as `now`, a function that returns seconds since the epoch.
"""

from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

_log = Logger()
T = TypeVar("T")


async def sleep(clock: IReactorTime, seconds: float) -> None:
    """Wait for `seconds` of `clock`; cancelling the wait cancels its timer."""
    done: Deferred[None] = Deferred(lambda _: call.cancel())
    call = clock.callLater(seconds, done.callback, None)
    await done


def after_sending(clock: IReactorTime, call: Callable[[], object]) -> None:
    """Call `call` as soon as the reactor has sent what was written until now, as far as the network takes it at once.

    Within one turn of the reactor TLS only gathers; the next one hands the gathered to the socket and writes it.
    """
    clock.callLater(0, clock.callLater, 0, call)


def sent(clock: IReactorTime) -> Deferred[None]:
    """Return a Deferred that fires when `after_sending` calls."""
    done: Deferred[None] = Deferred()
    after_sending(clock, partial(done.callback, None))
    return done


def deferred(work: Awaitable[T]) -> Deferred[T]:
    """Return `work` as a Deferred, started at once."""
    if isinstance(work, Deferred):
        return work
    assert isinstance(work, Coroutine)  # noqa: S101 - the only awaitables here
    return Deferred.fromCoroutine(work)


def started(what: str, work: Awaitable[Any]) -> Deferred[None]:
    """Start `work`; its failure is logged with `what`. The Deferred fires when it has ended, however it ended."""

    def report(failure: Failure) -> None:
        _log.failure("{what} failed", failure=failure, what=what)

    return deferred(work).addCallbacks(lambda _: None, report)


def background(what: str, work: Awaitable[Any]) -> None:
    """Start `work`, which nobody waits for; its failure is logged with `what`."""
    _ = started(what, work)
