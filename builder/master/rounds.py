"""Rounds of work from state: at each ring of the bell, and now and then without one.

A round finds its work in the database and in memory, never in a message, so that a lost message costs time and never
truth.
"""

import contextlib
from collections.abc import Awaitable, Callable

from twisted.internet.defer import CancelledError
from twisted.internet.defer import TimeoutError as DeferredTimeoutError
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from builder.clock import sleep
from builder.errors import UnavailableError
from builder.master.bell import Bell

SLOW = 20.0
"""Seconds without a ring after which a round is made all the same."""

_log = Logger()


async def rounds(
    what: str, bell: Bell, clock: IReactorTime, work: Callable[[], Awaitable[float | None]], gather: float = 0.0
) -> None:
    """Make rounds of `work`, the first now, until cancelled; one that fails is logged as `what`, and made again.

    `work` returns the seconds until it wants another round; None is `SLOW`. A round begins `gather` seconds after the
    bell has rung.
    """
    with contextlib.suppress(CancelledError):
        while True:
            rung = bell.wait()
            pause = await _round(what, work)
            with contextlib.suppress(DeferredTimeoutError):
                await rung.addTimeout(SLOW if pause is None else pause, clock)
            if gather:
                await sleep(clock, gather)


async def _round(what: str, work: Callable[[], Awaitable[float | None]]) -> float | None:
    try:
        return await work()
    except CancelledError:
        raise
    except UnavailableError as error:
        _log.warn("{what}: {error}; it is tried again", what=what, error=error)
    except Exception:  # noqa: BLE001 - a bug must not end the rounds
        _log.failure("{what} failed; it is tried again", what=what)
    return None
