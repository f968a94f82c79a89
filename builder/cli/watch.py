"""`builder watch`: follow a build until it ends, its steps and logs live.

The stream of events is only a bell: at each ring the build is read anew and what has changed is told, so that nothing
is missed when the connection or the master was gone for a while. Each attempt's log is followed by a thread of its own
and goes on at its offset.
"""

import argparse
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from queue import Queue
from typing import TypeVar

from builder.cli import tables
from builder.cli.answers import Attempt, Build, Event, Job
from builder.cli.arguments import build_number
from builder.cli.client import Farm, Patience
from builder.cli.exits import Exit
from builder.cli.log import pieces
from builder.cli.pane import Pane
from builder.errors import BuilderError, UnavailableError

T = TypeVar("T")
LAST_LINES = 10.0
"""For how many seconds the rest of an attempt's log is waited for when the attempt has ended."""
HEAD_START = 0.15
"""For how many seconds a piece of log waits for the news that a step has begun."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("number", metavar="BUILD", type=build_number, help="the build's number")
    parser.add_argument("--json", action="store_true", help="print the build's events, one JSON object per line")
    parser.set_defaults(run=lambda options: watch(Farm.from_environment(), options.number, events=options.json))


def watch(farm: Farm, number: int, *, events: bool = False) -> Exit:
    """Follow a build until it ends and say how it ended; Ctrl-C ends the watch, not the build.

    Args:
        farm: where the build is.
        number: the build's number.
        events: print its events as JSON instead of steps and logs.
    """
    watcher = _Watcher(farm, number)
    try:
        build = watcher.print_events() if events else watcher.show_progress()
    except KeyboardInterrupt:
        _tell(f"the watch has ended, build {number} goes on: builder watch {number}, or builder cancel {number}")
        return Exit.INTERRUPTED
    return Exit.DONE if build["state"] == "succeeded" else Exit.FAILED


def _tell(sentence: str) -> None:
    print(f"builder: {sentence}", file=sys.stderr, flush=True)


class _Watcher:
    def __init__(self, farm: Farm, number: int) -> None:
        self._farm = farm
        self._number = number
        self._patience = Patience()
        self._met = False
        self._newest = 0

    def print_events(self) -> Build:
        """Print the build's events as they come."""
        build = self._build()
        for events in self._rings():
            build = self._build()
            rest = self._events() if build["finished"] is not None else []
            for event in events + rest:
                print(json.dumps(event, ensure_ascii=False), flush=True)
            if build["finished"] is not None:
                break
        return build

    def show_progress(self) -> Build:
        """Show steps, logs and states as they come."""
        build = self._build()
        screen = _Screen(self._farm, build)
        screen.update(build)
        if build["finished"] is None:
            for _ in self._rings():
                build = self._build()
                screen.update(build)
                if build["finished"] is not None:
                    break
        screen.end(build)
        return build

    def _rings(self) -> Iterator[list[Event]]:
        """Something may have happened: the new events, or none after each connection."""
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

    def _events(self) -> list[Event]:
        """The events after the newest one seen."""
        query = {"build": self._number, "after": self._newest}
        text = self._patiently(lambda: self._farm.text("events", query))
        return [json.loads(line) for line in text.splitlines() if line]

    def _build(self) -> Build:
        build: Build = self._patiently(lambda: self._farm.get(f"builds/{self._number}"))
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
            _tell("the farm answers again")
        self._patience.answered()

    def _unanswered(self, error: UnavailableError) -> None:
        if self._patience.tried and not self._patience.told:
            self._patience.told = True
            _tell(f"{error}; the watch goes on as soon as it answers")
        self._patience.wait(error)


class _Screen:
    """What has been told of a build."""

    def __init__(self, farm: Farm, build: Build) -> None:
        self._farm = farm
        self._colours = tables.coloured(sys.stdout)
        self._told: dict[str, tuple[str, int]] = {}
        self._logs: dict[tuple[str, int], _Log] = {}
        self._passed = {_key(job, attempt) for job in build["jobs"] for attempt in job["attempts"] if _over(attempt)}
        self._several = len(build["jobs"]) > 2
        print(f"build {build['number']} of {build['project']}/{build['package']}", flush=True)

    def update(self, build: Build) -> None:
        """Tell what has changed: a job that runs before its log, one that has ended after it."""
        for job in build["jobs"]:
            if job["state"] == "running":
                self._state(job)
            self._attempts(job)
            self._state(job)

    def end(self, build: Build) -> None:
        """Tell how it ended."""
        took = tables.lasting(build["requested"], build["finished"])
        reason = f": {build['reason']}" if build["reason"] else ""
        state = tables.paint(build["state"], self._colours)
        print(f"build {build['number']} {state} after {took}{tables.harmless(reason)}", flush=True)

    def _attempts(self, job: Job) -> None:
        for attempt in job["attempts"]:
            key = _key(job, attempt)
            if key in self._passed:
                continue
            if key not in self._logs:
                prefix = f"{job['name']}| " if self._several else ""
                title = job["name"] if attempt["fence"] == 1 else f"{job['name']} (attempt {attempt['fence']})"
                self._logs[key] = _Log(self._farm, job, attempt, Pane(_say, title, prefix))
            self._logs[key].pane.steps(attempt["steps"])
            if _over(attempt):
                self._logs[key].join(LAST_LINES)
                self._passed.add(key)

    def _state(self, job: Job) -> None:
        state = (job["state"], len(job["attempts"]))
        if self._told.get(job["name"]) == state or job["state"] == "waiting":
            return
        self._told[job["name"]] = state
        result = job["reason"] or " ".join(job["published"]) or job["evr"] or ""
        if job["state"] == "running" and job["attempts"]:
            result = f"on {job['attempts'][-1]['slave']}"
        line = f"--- {job['name']} {tables.paint(job['state'], self._colours)}"
        _say(f"{line}: {tables.harmless(result)}" if result else line)


def _say(line: str) -> None:
    print(line, flush=True)


def _key(job: Job, attempt: Attempt) -> tuple[str, int]:
    return job["name"], attempt["fence"]


def _over(attempt: Attempt) -> bool:
    return attempt["finished"] is not None


class _Log:
    """The log of one attempt; the threads that follow it are no reason for the command to go on.

    What arrives is held back for `HEAD_START` seconds: the master knows of a step before its log, but who watches hears
    of it over another connection.
    """

    def __init__(self, farm: Farm, job: Job, attempt: Attempt, pane: Pane) -> None:
        self.pane = pane
        self._pieces = pieces(farm, job["build"], job["name"], fence=attempt["fence"], follow=True)
        self._arrived: Queue[tuple[float, bytes] | None] = Queue(maxsize=64)
        self._shower = threading.Thread(target=self._show, daemon=True)
        for thread in (self._shower, threading.Thread(target=self._read, daemon=True)):
            thread.start()

    def join(self, seconds: float) -> None:
        """Wait until the whole log is shown, but not for ever."""
        self._shower.join(seconds)

    def _read(self) -> None:
        try:
            for piece in self._pieces:
                self._arrived.put((time.monotonic(), piece))
        except BuilderError as error:
            _tell(f"no more of this log: {error}")
        self._arrived.put(None)

    def _show(self) -> None:
        try:
            while arrival := self._arrived.get():
                since, piece = arrival
                threading.Event().wait(max(0.0, since + HEAD_START - time.monotonic()))
                self.pane.log(piece)
            self.pane.close()
        except BrokenPipeError:
            # Who reads has seen enough. The main thread may be waiting for the farm, and nothing is left to be done.
            os._exit(Exit.FAILED)
