"""`builder repo`: look into the repositories, and order what is done to them."""

import argparse
from collections.abc import Callable
from typing import Any

from builder.cli import carry, key, rejected, repositories, tables
from builder.cli.answers import Operation
from builder.cli.arguments import asks_for_json, generation, list_limit, operation_number, repository, whole_number
from builder.cli.client import Farm
from builder.cli.exits import Exit, UsageError
from builder.cli.order import Order, carry_out

_REPO = "the repository: PROJECT/STAGE/DISTRIBUTION/TREE, such as hello/testing/fedora-43/x86_64"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verbs."""
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    repositories.configure(verbs)
    pin = _verb(verbs, "pin", _pin, "keep a generation for as long as it is pinned")
    pin.add_argument("--reason", required=True, help="why, for those who find it pinned")
    unpin = _verb(verbs, "unpin", _unpin, "keep a generation no longer than others")
    rollback = _verb(verbs, "rollback", _rollback, "give a repository the content of an older generation again")
    rebuild = _verb(verbs, "rebuild", _rebuild, "make a repository's metadata and links anew")
    for verb in (pin, unpin, rollback, rebuild):
        verb.add_argument("repository", metavar="REPO", type=repository, help=_REPO)
    for verb in (pin, unpin, rollback):
        verb.add_argument("generation", metavar="GENERATION", type=generation, help="the generation's number")
    undo = _verb(verbs, "undo", _undo, "take back what an operation has brought, in all its repositories")
    undo.add_argument("number", metavar="OPERATION", type=operation_number, help="the operation's number")
    for verb in (rollback, undo):
        verb.add_argument("--reason", default="", help="why")
    verify = _verb(verbs, "verify", _verify, "check a project's repositories: digests, links, signatures, manifests")
    prune = _verb(verbs, "prune", _prune, "let superseded versions leave the repositories of a project")
    for verb in (verify, prune):
        verb.add_argument("project", metavar="PROJECT", help="the project")
    prune.add_argument("--versions", type=_count, metavar="N", help="keep the newest N versions, with --days")
    prune.add_argument("--days", type=_days, metavar="D", help="keep everything for D days, with --versions")
    prune.add_argument("--plan", action="store_true", help="tell what would go, and remove nothing")
    carry.configure(verbs)
    rejected.configure(verbs)
    key.configure(verbs)
    listing = _verb(verbs, "operations", _operations, "list operations, newest first")
    listing.add_argument("project", metavar="PROJECT", nargs="?", help="only of this project (default: all)")
    listing.add_argument("--limit", type=list_limit, default=50, help="at most so many (default: 50)")


def _verb(verbs: Any, name: str, run: Callable[[argparse.Namespace], int], help: str) -> argparse.ArgumentParser:  # noqa: A002 - as argparse calls it
    verb: argparse.ArgumentParser = verbs.add_parser(name, help=help, description=f"{help[0].upper()}{help[1:]}.")
    asks_for_json(verb)
    verb.set_defaults(run=run)
    return verb


def _count(text: str) -> int:
    number = whole_number(text, most=1000)
    if number is None:
        raise argparse.ArgumentTypeError(f"`{text}` is not a number from 1 to 1000")
    return number


def _days(text: str) -> int:
    number = 0 if text == "0" else whole_number(text, most=36500)
    if number is None:
        raise argparse.ArgumentTypeError(f"`{text}` is not a number of days from 0 to 36500")
    return number


def _pin(options: argparse.Namespace) -> int:
    return _of_generation(options, "pin", pinned=True, reason=options.reason)


def _unpin(options: argparse.Namespace) -> int:
    return _of_generation(options, "pin", pinned=False)


def _rollback(options: argparse.Namespace) -> int:
    return _of_generation(options, "rollback", reason=options.reason)


def _of_generation(options: argparse.Namespace, kind: str, **more: object) -> int:
    project = options.repository.partition("/")[0]
    order = {"type": kind, "project": project, "repository": options.repository, "generation": options.generation}
    return carry_out(Farm.from_environment(), order | more, as_json=options.json)


def _rebuild(options: argparse.Namespace) -> int:
    project = options.repository.partition("/")[0]
    order = {"type": "rebuild", "project": project, "repository": options.repository}
    return carry_out(Farm.from_environment(), order, as_json=options.json)


def _verify(options: argparse.Namespace) -> int:
    order = {"type": "verify", "project": options.project}
    return carry_out(Farm.from_environment(), order, as_json=options.json, fine=frozenset({"verified"}))


def _prune(options: argparse.Namespace) -> int:
    order: Order = {"type": "prune", "project": options.project, "plan": options.plan}
    if (options.versions is None) != (options.days is None):
        raise UsageError("--versions and --days go together; without both, the project's retention holds")
    if options.versions is not None:
        order["retention"] = {"versions": options.versions, "days": options.days}
    return carry_out(Farm.from_environment(), order, as_json=options.json)


def _undo(options: argparse.Namespace) -> int:
    farm = Farm.from_environment()
    undone: Operation = farm.get(f"operations/{options.number}")
    order = {"type": "undo", "project": undone["project"], "number": options.number, "reason": options.reason}
    return carry_out(farm, order, as_json=options.json)


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
