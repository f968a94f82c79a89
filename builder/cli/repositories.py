"""`builder repo list`, `show` and `diff`: what the repositories hold, and what they have held."""

import argparse
from typing import Any

from builder.cli import tables
from builder.cli.answers import Generation, PackageChange, Repository, RepositorySummary
from builder.cli.arguments import asks_for_json, generation, repository
from builder.cli.client import Farm
from builder.cli.exits import Exit

_GENERATIONS = 20
"""Number of generations that are shown; the API tells all."""


def configure(verbs: Any) -> None:
    """Add the verbs to those of `builder repo`."""
    listing = verbs.add_parser("list", help="list the repositories")
    listing.add_argument("project", metavar="PROJECT", nargs="?", help="only of this project (default: all)")
    show = verbs.add_parser("show", help="show a repository: its packages and its generations")
    show.add_argument("--generation", type=generation, metavar="N", help="its packages in this generation")
    diff = verbs.add_parser("diff", help="show what differs between two generations of a repository")
    for verb, function in ((listing, _list), (show, _show), (diff, _diff)):
        asks_for_json(verb)
        verb.set_defaults(run=function)
    for verb in (show, diff):
        verb.add_argument("repository", metavar="REPO", type=repository, help="PROJECT/STAGE/DISTRIBUTION/TREE")
    diff.add_argument("before", metavar="A", type=generation, help="the older generation's number")
    diff.add_argument("after", metavar="B", type=generation, help="the newer generation's number")


def _list(options: argparse.Namespace) -> int:
    found: list[RepositorySummary] = Farm.from_environment().get("repositories", {"project": options.project})
    if options.json:
        tables.as_json(found)
        return Exit.DONE
    rows = [
        (
            one["name"],
            one["generation"],
            tables.when(one["created"]),
            one["packages"],
            tables.amount(one["size"]),
            one["pins"] or "",
            one["fault"],
        )
        for one in found
    ]
    tables.table(("REPOSITORY", "GENERATION", "SINCE", "PACKAGES", "SIZE", "PINS", "FAULT"), rows)
    return Exit.DONE


def _show(options: argparse.Namespace) -> int:
    query = {"name": options.repository, "generation": options.generation}
    shown: Repository = Farm.from_environment().get("repository", query)
    if options.json:
        tables.as_json(shown)
        return Exit.DONE
    print(f"repository: {shown['summary']['name']}")
    print(f"generation: {shown['generation']} of {tables.when(shown['created'])}")
    for nevra in shown["excluded"]:
        print(f"withdrawn: {tables.harmless(nevra)}")
    print()
    packages = [
        (package["nevra"], tables.amount(package["size"]), f"build {package['build']}", tables.when(package["since"]))
        for package in shown["packages"]
    ]
    tables.table(("PACKAGE", "SIZE", "FROM", "SINCE"), packages)
    print()
    tables.table(("GENERATION", "CREATED", "STATE", "BY", "OPERATIONS"), map(_row, shown["generations"][:_GENERATIONS]))
    if len(shown["generations"]) > _GENERATIONS:
        print(f"and {len(shown['generations']) - _GENERATIONS} older ones")
    return Exit.DONE


def _row(one: Generation) -> tuple[object, ...]:
    state = "current" if one["current"] else "readable" if one["readable"] else "gone"
    if one["pinned_by"] is not None:
        state = f"{state}, pinned by {one['pinned_by']}: {one['pin_reason']}"
    people = dict.fromkeys(step["requested_by"] for step in one["operations"] if step["requested_by"])
    steps = (f"{step['number']} {step['kind']} {' '.join(step['published'])}".rstrip() for step in one["operations"])
    return one["generation"], tables.when(one["created"]), state, ", ".join(people), "; ".join(steps)


def _diff(options: argparse.Namespace) -> int:
    query = {"name": options.repository, "before": options.before, "after": options.after}
    changes: list[PackageChange] = Farm.from_environment().get("repository/difference", query)
    if options.json:
        tables.as_json(changes)
        return Exit.DONE
    rows = [(change["kind"], change["name"], change["before"] or "", change["after"] or "") for change in changes]
    tables.table(("CHANGE", "PACKAGE", "BEFORE", "AFTER"), rows)
    return Exit.DONE
