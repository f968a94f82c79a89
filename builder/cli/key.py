"""`builder repo key`: the keys that a project's packages and metadata are signed with."""

import argparse
import sys
from typing import Any

from builder.cli import tables
from builder.cli.answers import Key
from builder.cli.arguments import asks_for_json
from builder.cli.client import Farm
from builder.cli.exits import Exit
from builder.cli.order import carry_out

_ORDERS = {
    "create": "make a project's first key and sign everything with it",
    "rotate": "make a new key, sign everything with it, and let clients trust both",
    "retire": "let clients trust no key but the current one any more",
}


def configure(verbs: Any) -> None:
    """Add `key` with its own verbs to those of `builder repo`."""
    key = verbs.add_parser("key", help="make, change and show a project's signing keys")
    actions = key.add_subparsers(metavar="VERB", required=True)
    listing = actions.add_parser("list", help="list a project's keys, the current one first")
    export = actions.add_parser("export", help="write a project's public keys, as `rpm --import` takes them")
    listing.set_defaults(run=_list)
    export.set_defaults(run=_export)
    orders = [actions.add_parser(action, help=purpose) for action, purpose in _ORDERS.items()]
    for action, order in zip(_ORDERS, orders, strict=True):
        order.add_argument("--reason", default="", help="why")
        order.set_defaults(run=_order, action=action)
    for verb in (listing, export, *orders):
        verb.add_argument("project", metavar="PROJECT", help="the project")
        asks_for_json(verb)


def _order(options: argparse.Namespace) -> int:
    order = {"type": "key", "project": options.project, "action": options.action, "reason": options.reason}
    return carry_out(Farm.from_environment(), order, as_json=options.json)


def _list(options: argparse.Namespace) -> int:
    keys: list[Key] = Farm.from_environment().get("keys", {"project": options.project})
    if options.json:
        tables.as_json(keys)
        return Exit.DONE
    rows = [
        (key["fingerprint"], "current" if key["until"] is None else "trusted", tables.when(key["since"]))
        for key in keys
    ]
    tables.table(("KEY", "STATE", "SINCE"), rows)
    return Exit.DONE


def _export(options: argparse.Namespace) -> int:
    text = Farm.from_environment().text("keys/export", {"project": options.project})
    if options.json:
        tables.as_json({"keys": text})
    else:
        sys.stdout.write(text)
    return Exit.DONE
