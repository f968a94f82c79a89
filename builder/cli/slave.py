"""`builder slave`: the hosts that build."""

import argparse

from builder.cli import tables
from builder.cli.answers import Slave
from builder.cli.arguments import asks_for_json
from builder.cli.client import Farm
from builder.cli.exits import Exit


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verbs."""
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    listing = verbs.add_parser("list", help="list the slaves")
    asks_for_json(listing)
    listing.set_defaults(run=_list)


def _list(options: argparse.Namespace) -> int:
    slaves: list[Slave] = Farm.from_environment().get("slaves")
    if options.json:
        tables.as_json(slaves)
        return Exit.DONE
    rows = [
        (
            slave["name"],
            "connected" if slave["connected"] else "away",
            f"{slave['busy']}/{slave['capacity']}",
            ",".join(slave["channels"]),
            ",".join(slave["architectures"]),
            slave["facts"]["executor"],
            tables.when(slave["seen"]),
        )
        for slave in slaves
    ]
    tables.table(("SLAVE", "STATE", "BUSY", "CHANNELS", "ARCHITECTURES", "EXECUTOR", "SEEN"), rows)
    return Exit.DONE
