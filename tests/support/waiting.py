"""Waiting on the reactor for what will be seen; `processes.eventually` is the same for tests without one."""

from collections.abc import Callable
from typing import Any

from twisted.internet import reactor

from builder.clock import sleep

_REACTOR: Any = reactor
DEADLINE = 50.0
"""Seconds that anything may take on a slow machine; less than the whole test may, so that the failure says for what."""


async def until(what: str, seen: Callable[[], object]) -> None:
    """Come back once `seen` is true; after `DEADLINE` a failure that says `what`."""
    end = _REACTOR.seconds() + DEADLINE
    while not seen():
        assert _REACTOR.seconds() < end, f"after {DEADLINE:.0f} s, still not: {what}"
        await sleep(_REACTOR, 0.005)
