"""`builder promote`: bring packages from one stage to another; on a terminal, the plan is shown first."""

import argparse
import sys

from builder.cli.answers import Build, Package
from builder.cli.arguments import asks_for_json, build_number
from builder.cli.client import Farm
from builder.cli.exits import Exit, UsageError
from builder.cli.order import Order, answered, carry_out, given, left, show_findings, told
from builder.errors import ConflictError


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("packages", metavar="PACKAGE", nargs="*", help="what their newest builds have brought")
    parser.add_argument(
        "--build", action="append", default=[], type=build_number, metavar="N", help="what build N has brought"
    )
    parser.add_argument("--all", action="store_true", help="everything that is in the one stage")
    parser.add_argument("--from", dest="source", required=True, metavar="STAGE", help="where they are")
    parser.add_argument("--to", dest="target", required=True, metavar="STAGE", help="where they are to be")
    parser.add_argument("--project", help="the project, where packages and builds leave it open")
    parser.add_argument("--plan", action="store_true", help="tell what would happen, and change nothing")
    parser.add_argument("--force", action="store_true", help="promote whatever that breaks")
    parser.add_argument("--reason", default="", help="why")
    asks_for_json(parser)
    parser.set_defaults(run=_promote)


def _promote(options: argparse.Namespace) -> int:
    if not (options.packages or options.build or options.all):
        raise UsageError("name packages, or builds by --build, or say --all")
    farm = Farm.from_environment()
    order = {
        "type": "promote",
        "project": options.project or _project(farm, options),
        "source": options.source,
        "target": options.target,
        "packages": options.packages,
        "builds": options.build,
        "everything": options.all,
        "plan": options.plan,
        "force": options.force,
        "reason": options.reason,
    }
    if not options.plan and not options.json and sys.stdin.isatty() and sys.stdout.isatty():
        return _asked(farm, order)
    return carry_out(farm, order, as_json=options.json)


def _asked(farm: Farm, order: Order) -> Exit:
    """Show the plan, and carry it out when a person says so."""
    number = given(farm, order | {"plan": True})
    try:
        plan = answered(farm, number)
    except KeyboardInterrupt:
        return left(number)
    if plan["state"] == "rejected":
        return told(plan, as_json=False)
    show_findings(plan)
    if any(finding["kind"] == "refused" for finding in plan["findings"]["first"]):
        return Exit.REFUSED
    if not _agreed(f"promote this to {order['target']}? [y/N] "):
        print("nothing is promoted")
        return Exit.DONE
    return carry_out(farm, order, as_json=False)


def _agreed(question: str) -> bool:
    try:
        return input(question).strip().lower() in {"y", "yes"}
    except EOFError:
        return False


def _project(farm: Farm, options: argparse.Namespace) -> str:
    """Return the one project that has what was named."""
    builds: list[Build] = [farm.get(f"builds/{number}") for number in options.build]
    known: list[Package] = farm.get("packages")
    found = {package["project"] for package in known}
    for name in options.packages:
        found &= {package["project"] for package in known if package["package"] == name}
    for build in builds:
        found &= {build["project"]}
    if len(found) != 1:
        what = f"{len(found)} projects have" if found else "no project has all of"
        raise ConflictError(f"{what} what was named: say which one is meant by --project")
    return found.pop()
