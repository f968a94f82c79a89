"""`builder repo rejected`: deliveries that were not published, set aside for a person."""

import argparse
from typing import Any
from urllib.parse import quote

from builder.cli import tables
from builder.cli.answers import RejectedDelivery
from builder.cli.arguments import asks_for_json
from builder.cli.client import Farm
from builder.cli.exits import Exit
from builder.cli.order import carry_out


def configure(verbs: Any) -> None:
    """Add `rejected` with its own verbs to those of `builder repo`."""
    rejected = verbs.add_parser("rejected", help="list, show and drop deliveries that were not published")
    actions = rejected.add_subparsers(metavar="VERB", required=True)
    listing = actions.add_parser("list", help="list them, newest first")
    listing.add_argument("project", metavar="PROJECT", nargs="?", help="only of this project (default: all)")
    show = actions.add_parser("show", help="show why one was rejected, and what was in it")
    drop = actions.add_parser("drop", help="remove one for good")
    drop.add_argument("--reason", default="", help="why")
    for verb, function in ((listing, _list), (show, _show), (drop, _drop)):
        asks_for_json(verb)
        verb.set_defaults(run=function)
    for verb in (show, drop):
        verb.add_argument("name", metavar="NAME", help="its name, as `list` has it")


def _list(options: argparse.Namespace) -> int:
    found: list[RejectedDelivery] = Farm.from_environment().get("rejected", {"project": options.project})
    if options.json:
        tables.as_json(found)
        return Exit.DONE
    rows = [
        (one["name"], f"{one['project']}/{one['package']}", tables.when(one["time"]), one["reason"]) for one in found
    ]
    tables.table(("REJECTED", "PACKAGE", "TIME", "REASON"), rows)
    return Exit.DONE


def _show(options: argparse.Namespace) -> int:
    one = _one(Farm.from_environment(), options.name)
    if options.json:
        tables.as_json(one)
        return Exit.DONE
    facts = [
        ("rejected", one["name"]),
        ("package", f"{one['project']}/{one['package']}"),
        ("from", f"build {one['build']}, job {one['job']}, attempt {one['fence']}"),
        ("reason", one["reason"]),
        ("time", tables.when(one["time"])),
        ("until", tables.when(one["until"])),
    ]
    for name, fact in facts:
        print(f"{name}: {tables.harmless(fact)}")
    print()
    tables.table(("FILE", "SIZE"), [(file["name"], tables.amount(file["size"])) for file in one["files"]])
    return Exit.DONE


def _drop(options: argparse.Namespace) -> int:
    farm = Farm.from_environment()
    project = _one(farm, options.name)["project"]
    order = {"type": "drop", "project": project, "rejected": options.name, "reason": options.reason}
    return carry_out(farm, order, as_json=options.json)


def _one(farm: Farm, name: str) -> RejectedDelivery:
    found: RejectedDelivery = farm.get(f"rejected/{quote(name, safe='')}")
    return found
