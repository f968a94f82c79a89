"""The follower of a farm: it reads events as they come, over restarts and cuts of the connection."""

import json
import sys
from collections.abc import Callable, Iterator
from typing import TypeVar

from builder.cli import tables
from builder.cli.answers import Build, Event, Job
from builder.cli.client import Farm, Patience
from builder.errors import UnavailableError

T = TypeVar("T")


class Follower:
    """A follower that asks a farm patiently: once the farm has answered, it waits for it when it is away.

    With `met`, the farm has answered before. `number` is the build whose events are wanted; None for those of all.
    """

    def __init__(self, farm: Farm, number: int | None, *, met: bool = False) -> None:
        self._farm = farm
        self._number = number
        self._patience = Patience()
        self._met = met
        self._newest = 0

    def rings(self) -> Iterator[list[Event]]:
        """Yield the new events at each ring: when something may have happened. There are none after each connection."""
        while True:
            rest = b""
            try:
                query = {"build": self._number, "after": self._newest, "follow": True}
                for piece in self._farm.stream("events", query):
                    self._answered()
                    *lines, rest = (rest + piece).split(b"\n")
                    events: list[Event] = [json.loads(line) for line in lines if line]
                    if events or not piece:
                        self._newest = max([self._newest, *(event["number"] for event in events)])
                        yield events
                raise UnavailableError(f"{self._farm.url} has closed the connection")  # noqa: TRY301 - as if it were cut
            except UnavailableError as error:
                self._unanswered(error)

    def events(self) -> list[Event]:
        """Return the events after the newest one seen."""
        query = {"build": self._number, "after": self._newest}
        text = self._patiently(lambda: self._farm.text("events", query))
        return [json.loads(line) for line in text.splitlines() if line]

    def begin_with(self, number: int) -> None:
        """Skip the events that were before a build."""
        query = {"build": number, "limit": 1}
        text = self._patiently(lambda: self._farm.text("events", query))
        self._newest = min((json.loads(line)["number"] for line in text.splitlines()), default=1) - 1

    def build(self, number: int) -> Build:
        """Return a build as it is now."""
        build: Build = self._patiently(lambda: self._farm.get(f"builds/{number}"))
        return build

    def _patiently(self, ask: Callable[[], T]) -> T:
        while True:
            try:
                answer = ask()
            except UnavailableError as error:
                if not self._met:
                    raise  # it has never answered: this is a mistake rather than a restart
                self._unanswered(error)
            else:
                self._answered()
                return answer

    def _answered(self) -> None:
        self._met = True
        if self._patience.told:
            tell("the farm answers again")
        self._patience.answered()

    def _unanswered(self, error: UnavailableError) -> None:
        if self._patience.tried and not self._patience.told:
            self._patience.told = True
            tell(f"{error}; the watch goes on as soon as it answers")
        self._patience.wait(error)


def became(job: Job, colours: bool) -> str:
    """Return what has become of a job, in a line: its state, and where it runs, why it ended so, or what it made."""
    result = job["reason"] or " ".join(job["published"]) or job["evr"] or ""
    if job["state"] == "running" and job["attempts"]:
        result = f"on {job['attempts'][-1]['slave']}"
    state = tables.paint(job["state"], colours)
    return f"{state}: {tables.harmless(result)}" if result else state


def tell(sentence: str) -> None:
    """Print a sentence about the watch itself."""
    print(f"builder: {sentence}", file=sys.stderr, flush=True)
