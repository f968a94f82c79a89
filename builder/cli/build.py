"""`builder build`: request builds, list, show and cancel them."""

import argparse

from builder.cli import inputs, tables
from builder.cli.answers import Build, Job, JobInputs, Lint
from builder.cli.arguments import asks_for_json, build_number, list_limit
from builder.cli.client import Farm
from builder.cli.exits import Exit, UsageError

VERBS = ("start", "list", "show", "cancel")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verbs; `start` may be left out."""
    parser.usage = "builder build NAME… [OPTION…] | builder build VERB …"
    verbs = parser.add_subparsers(metavar="VERB", required=True, prog="builder build")
    start = verbs.add_parser("start", help="build packages (`builder build NAME…` does the same)")
    start.add_argument(
        "name", metavar="NAME", nargs="*", help="a package; several are built in the order of their needs"
    )
    start.add_argument("--all", action="store_true", help="build all packages, of the project that is named or of any")
    start.add_argument("--channel", help="build the packages with this channel")
    start.add_argument("--project", help="the package's project, where several have one of this name")
    start.add_argument("--chroot", action="append", default=[], help="build for this chroot only; may be repeated")
    start.add_argument("--force", action="store_true", help="build although nothing is newer than what is published")
    start.add_argument("--watch", action="store_true", help="follow until it, or all, have ended")
    start.add_argument("--plan", action="store_true", help="only show in which order, and how long it would take")
    listing = verbs.add_parser("list", help="list builds, newest first")
    listing.add_argument("--package", help="only builds of this package")
    listing.add_argument("--limit", type=list_limit, default=50, help="at most so many (default: 50)")
    show = verbs.add_parser("show", help="show a build with its jobs and steps")
    show.add_argument(
        "--inputs", action="store_true", help="show what its results were made from, a line for each thing"
    )
    cancel = verbs.add_parser("cancel", help="cancel a build or one of its jobs")
    for verb, function in ((start, _start), (listing, _list), (show, _show), (cancel, cancelled)):
        asks_for_json(verb)
        verb.set_defaults(run=function)
    for verb in (show, cancel):
        verb.add_argument("number", metavar="BUILD", type=build_number, help="the build's number")
    cancel.add_argument("job", metavar="JOB", nargs="?", help="cancel this job only")


def _start(options: argparse.Namespace) -> int:
    for name in options.name:
        if name in VERBS:
            raise UsageError(f"`{name}` is what one does with builds, and no package is called that")
    if len(options.name) == 1 and not (options.plan or options.all or options.channel):
        return _start_one(options)
    from builder.cli import batch  # noqa: PLC0415 - only who builds many needs it

    return batch.planned(options) if options.plan else batch.started(options)


def _start_one(options: argparse.Namespace) -> int:
    farm = Farm.from_environment()
    request = {
        "package": options.name[0],
        "project": options.project,
        "chroots": options.chroot,
        "force": options.force,
    }
    build: Build = farm.post("builds", request)
    if options.watch:
        from builder.cli.watch import watch  # noqa: PLC0415 - only who watches needs it

        return watch(farm, build["number"], events=options.json, met=True)
    if options.json:
        tables.as_json(build)
    else:
        number = build["number"]
        print(f"build {number} of {build['project']}/{build['package']} is {build['state']}: builder watch {number}")
    return Exit.DONE


def _list(options: argparse.Namespace) -> int:
    query = {"package": options.package, "limit": options.limit}
    builds: list[Build] = Farm.from_environment().get("builds", query)
    if options.json:
        tables.as_json(builds)
        return Exit.DONE
    rows = [
        (
            build["number"],
            f"{build['project']}/{build['package']}",
            build["state"],
            tables.when(build["requested"]),
            tables.lasting(build["requested"], build["finished"]),
            build["requested_by"],
            build["reason"],
        )
        for build in builds
    ]
    tables.table(("BUILD", "PACKAGE", "STATE", "REQUESTED", "TOOK", "BY", "REASON"), rows)
    return Exit.DONE


def _show(options: argparse.Namespace) -> int:
    if options.inputs:
        return _show_inputs(options)
    build: Build = Farm.from_environment().get(f"builds/{options.number}")
    if options.json:
        tables.as_json(build)
    else:
        show(build)
    return Exit.DONE


def _show_inputs(options: argparse.Namespace) -> int:
    jobs: list[JobInputs] = Farm.from_environment().get(f"builds/{options.number}/inputs")
    if options.json:
        tables.as_json(jobs)
    else:
        inputs.show(jobs)
    return Exit.DONE


def show(build: Build) -> None:
    """Print a build: what it is, then a table of its jobs with their attempts and steps."""
    facts = [
        ("build", build["number"]),
        ("package", f"{build['project']}/{build['package']}{' (forced)' if build['force'] else ''}"),
        ("state", build["state"]),
        ("jobs", tables.counted(job["state"] for job in build["jobs"])),
        ("reason", build["reason"]),
        ("batch", build["batch"]),
        ("requested", f"{tables.when(build['requested'])} by {build['requested_by']}"),
        ("took", tables.lasting(build["requested"], build["finished"])),
        *(("commit", f"{commit['commit'][:12]} {commit['git']} {commit['ref']}") for commit in build["commits"]),
    ]
    for name, fact in facts:
        if fact:
            print(f"{name}: {tables.harmless(str(fact))}")
    print()
    tables.table(("JOB", "STATE", "ATTEMPT", "STEPS", "RESULT"), map(_job_row, build["jobs"]))
    for job in build["jobs"]:
        if job["attempts"] and (lint := job["attempts"][-1]["lint"]):
            _show_lint(job["name"], lint)


def _show_lint(job: str, lint: Lint) -> None:
    counted = f"{lint['errors']} errors, {lint['warnings']} warnings"
    print(f"\nrpmlint of {job}: {tables.harmless(lint['note']) or counted}")
    for line in lint["first"]:
        print(f"  {tables.harmless(line)}")


def _job_row(job: Job) -> tuple[str, ...]:
    last = job["attempts"][-1] if job["attempts"] else None
    attempt = f"{last['fence']} on {last['slave']}" if last else ""
    steps = (
        " ".join(f"{step['name']}{'' if step['ok'] is not False else '!'}" for step in last["steps"]) if last else ""
    )
    result = job["reason"] or " ".join(job["published"]) or job["evr"] or ""
    return job["name"], job["state"], attempt, steps, result


def cancelled(options: argparse.Namespace) -> int:
    """Cancel a build or one of its jobs, as `options` say."""
    build: Build = Farm.from_environment().post(f"builds/{options.number}/cancel", {"job": options.job})
    if options.json:
        tables.as_json(build)
    else:
        what = f"{build['number']}/{options.job}" if options.job else f"build {build['number']}"
        print(
            f"{what} is being cancelled"
            if build["finished"] is None
            else f"build {build['number']} is {build['state']}"
        )
    return Exit.DONE
