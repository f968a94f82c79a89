"""Batches: many builds at once, asked for, planned, and followed until all have ended."""

import argparse
import json
import sys
from typing import Any

from builder.cli import tables
from builder.cli.answers import Build, Plan, PlannedPackage
from builder.cli.client import Farm
from builder.cli.exits import Exit, UsageError
from builder.cli.follow import Follower, became, tell


def request(options: argparse.Namespace) -> dict[str, Any]:
    """Return the batch that is asked for.

    Raises:
        UsageError: The batch is of nothing, or of two things.
    """
    chosen = [bool(options.name), options.all, options.channel is not None]
    if sum(chosen) != 1:
        raise UsageError("say what is to be built: packages by their NAMEs, or those of a --channel, or --all")
    return {
        "packages": options.name,
        "everything": options.all,
        "channel": options.channel,
        "project": options.project,
        "chroots": options.chroot,
        "force": options.force,
    }


def planned(options: argparse.Namespace) -> Exit:
    """Show the plan of a batch; packages that need each other are refused as the batch would be."""
    wanted = request(options)
    plan: Plan = Farm.from_environment().post("batches/plan", wanted)
    if options.json:
        tables.as_json(plan)
    else:
        _show(plan)
    for cycle in plan["cycles"]:
        tell(f"{cycle}: these need each other; build one of them by itself first")
    return Exit.REFUSED if plan["cycles"] else Exit.DONE


def started(options: argparse.Namespace) -> Exit:
    """Ask for a batch, and follow it if that is wanted."""
    wanted = request(options)
    farm = Farm.from_environment()
    builds: list[Build] = farm.post("batches", wanted)
    if options.watch:
        return watch(farm, builds, events=options.json)
    if options.json:
        tables.as_json(builds)
    else:
        for build in builds:
            print(f"build {build['number']} of {build['project']}/{build['package']} is {build['state']}")
    return Exit.DONE


def watch(farm: Farm, builds: list[Build], *, events: bool = False) -> Exit:
    """Follow builds until all have ended; Ctrl-C ends the watch, not the builds.

    Args:
        farm: The farm where they are.
        builds: The builds as they were when they were asked for.
        events: Print their events as JSON instead of the ends of their jobs.
    """
    watched = _Watched(farm, builds, events=events)
    try:
        watched.begin()
        watched.follow()
    except KeyboardInterrupt:
        first, last = builds[0]["number"], builds[-1]["number"]
        tell(f"the watch has ended, builds {first} to {last} go on: builder watch N, or builder cancel N")
        return Exit.INTERRUPTED
    return watched.outcome()


def _show(plan: Plan) -> None:
    rows = [
        (
            "never" if package["wave"] is None else package["wave"],
            f"{package['project']}/{package['package']}",
            " ".join(package["needs"]),
            _lasting(package),
        )
        for package in plan["packages"]
    ]
    tables.table(("WAVE", "PACKAGE", "AFTER", "TAKES"), rows)
    if unknown := [package["package"] for package in plan["packages"] if not package["known"]]:
        print(f"never built, so that what they need is known only when their sources are made: {' '.join(unknown)}")
    if plan["seconds"] is not None:
        print(f"estimate: {tables.lasting(0, plan['seconds'])} on the slaves that are connected")
    else:
        print(f"no estimate: {plan['lacking']}")


def _lasting(package: PlannedPackage) -> str:
    return tables.lasting(0, package["seconds"]) or "unknown"


class _Watched:
    """Builds that are watched, as far as they were told of."""

    def __init__(self, farm: Farm, builds: list[Build], *, events: bool) -> None:
        self._follower = Follower(farm, None, met=True)
        self._builds = {build["number"]: build for build in builds}
        self._as_events = events
        self._told: dict[tuple[int, str], str] = {}
        self._colours = tables.coloured(sys.stdout)

    def begin(self) -> None:
        """Say which builds there are, before anything else is asked of the farm."""
        for build in self._builds.values():
            self._say(f"build {build['number']} of {build['project']}/{build['package']}")
        self._follower.begin_with(min(self._builds))

    def follow(self) -> None:
        """Tell events until all builds have ended."""
        for events in self._follower.rings():
            own = [event for event in events if event["build"] in self._builds]
            happened = {event["build"] for event in own}
            for number in self._builds:
                if number in happened:
                    self._look(number)
            if self._as_events:
                for event in own:
                    print(json.dumps(event, ensure_ascii=False), flush=True)
            if all(build["finished"] is not None for build in self._builds.values()):
                return

    def outcome(self) -> Exit:
        """Return the exit code for the ends of all builds together."""
        states = [build["state"] for build in self._builds.values()]
        succeeded = states.count("succeeded")
        self._say(f"{succeeded} of {len(states)} builds succeeded")
        return Exit.DONE if succeeded == len(states) else Exit.FAILED

    def _look(self, number: int) -> None:
        build = self._builds[number] = self._follower.build(number)
        for job in build["jobs"]:
            if self._told.get((number, job["name"])) != job["state"] and job["state"] not in {"waiting", "queued"}:
                self._told[number, job["name"]] = job["state"]
                self._say(f"--- {build['package']} {number}/{job['name']} {became(job, self._colours)}")

    def _say(self, line: str) -> None:
        if not self._as_events:
            print(line, flush=True)
