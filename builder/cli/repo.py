"""`builder repo`: look into the repositories, and order what is done to them."""

import argparse
from collections.abc import Callable
from typing import Any

from builder.cli import repositories, tables
from builder.cli.answers import Operation
from builder.cli.arguments import asks_for_json, list_limit
from builder.cli.client import Farm
from builder.cli.exits import Exit


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verbs."""
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    repositories.configure(verbs)
    listing = _verb(verbs, "operations", _operations, "list operations, newest first")
    listing.add_argument("project", metavar="PROJECT", nargs="?", help="only of this project (default: all)")
    listing.add_argument("--limit", type=list_limit, default=50, help="at most so many (default: 50)")


def _verb(verbs: Any, name: str, run: Callable[[argparse.Namespace], int], help: str) -> argparse.ArgumentParser:  # noqa: A002 - as argparse calls it
    verb: argparse.ArgumentParser = verbs.add_parser(name, help=help, description=f"{help[0].upper()}{help[1:]}.")
    asks_for_json(verb)
    verb.set_defaults(run=run)
    return verb


def _operations(options: argparse.Namespace) -> int:
    query = {"project": options.project, "limit": options.limit}
    operations: list[Operation] = Farm.from_environment().get("operations", query)
    if options.json:
        tables.as_json(operations)
        return Exit.DONE
    rows = [
        (
            operation["number"],
            operation["kind"],
            operation["project"],
            operation["state"],
            tables.when(operation["requested"]),
            tables.lasting(operation["requested"], operation["finished"]),
            operation["requested_by"],
            operation["reason"],
        )
        for operation in operations
    ]
    tables.table(("OPERATION", "KIND", "PROJECT", "STATE", "REQUESTED", "TOOK", "BY", "REASON"), rows)
    return Exit.DONE
