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
from queue import Queue

from builder.cli import tables
from builder.cli.answers import Attempt, Build, Job
from builder.cli.arguments import build_number
from builder.cli.client import Farm
from builder.cli.exits import Exit
from builder.cli.follow import Follower, became, tell
from builder.cli.log import pieces
from builder.cli.pane import Pane
from builder.errors import BuilderError

LAST_LINES = 10.0
"""Seconds for which the rest of an attempt's log is waited for when the attempt has ended."""
HEAD_START = 0.15
"""Seconds for which a piece of log waits for the news that a step has begun."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("number", metavar="BUILD", type=build_number, help="the build's number")
    parser.add_argument("--json", action="store_true", help="print the build's events, one JSON object per line")
    parser.set_defaults(run=lambda options: watch(Farm.from_environment(), options.number, events=options.json))


def watch(farm: Farm, number: int, *, events: bool = False, met: bool = False) -> Exit:
    """Follow a build until it ends and say how it ended; Ctrl-C ends the watch, not the build.

    Args:
        farm: The farm of the build.
        number: The build's number.
        events: Print its events as JSON instead of steps and logs.
        met: The farm has answered just now, and is waited for from the beginning.
    """
    follower = Follower(farm, number, met=met)
    try:
        build = _print_events(follower, number) if events else _show_progress(farm, follower, number)
    except KeyboardInterrupt:
        tell(f"the watch has ended, build {number} goes on: builder watch {number}, or builder cancel {number}")
        return Exit.INTERRUPTED
    return Exit.DONE if build["state"] == "succeeded" else Exit.FAILED


def _print_events(follower: Follower, number: int) -> Build:
    """Print the build's events as they come."""
    build = follower.build(number)
    for events in follower.rings():
        build = follower.build(number)
        rest = follower.events() if build["finished"] is not None else []
        for event in events + rest:
            print(json.dumps(event, ensure_ascii=False), flush=True)
        if build["finished"] is not None:
            break
    return build


def _show_progress(farm: Farm, follower: Follower, number: int) -> Build:
    """Show steps, logs and states as they come."""
    build = follower.build(number)
    screen = _Screen(farm, build)
    screen.update(build)
    if build["finished"] is None:
        for _ in follower.rings():
            build = follower.build(number)
            screen.update(build)
            if build["finished"] is not None:
                break
    screen.end(build)
    return build


class _Screen:
    """A build on the screen, as far as it was told of."""

    def __init__(self, farm: Farm, build: Build) -> None:
        self._farm = farm
        self._colours = tables.coloured(sys.stdout)
        self._told: dict[str, tuple[str, int]] = {}
        self._logs: dict[tuple[str, int], _Log] = {}
        self._passed = {_key(job, attempt) for job in build["jobs"] for attempt in job["attempts"] if _over(attempt)}
        self._several = len(build["jobs"]) > 2
        print(f"build {build['number']} of {build['project']}/{build['package']}", flush=True)

    def update(self, build: Build) -> None:
        """Tell the changes of a build: a job that runs before its log, one that has ended after it."""
        for job in build["jobs"]:
            if job["state"] == "running":
                self._state(job)
            self._attempts(job)
            self._state(job)

    def end(self, build: Build) -> None:
        """Tell the end of the build."""
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
        _say(f"--- {job['name']} {became(job, self._colours)}")


def _say(line: str) -> None:
    print(line, flush=True)


def _key(job: Job, attempt: Attempt) -> tuple[str, int]:
    return job["name"], attempt["fence"]


def _over(attempt: Attempt) -> bool:
    return attempt["finished"] is not None


class _Log:
    """The log of one attempt; the threads that follow it are no reason for the command to go on.

    Pieces that arrive are held back for `HEAD_START` seconds: the master knows of a step before its log, but who
    watches hears of it over another connection.
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
            tell(f"no more of this log: {error}")
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
