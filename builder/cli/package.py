"""`builder package`: the packages that the farm builds."""

import argparse

from builder.cli import tables
from builder.cli.answers import Package
from builder.cli.arguments import asks_for_json
from builder.cli.client import Farm
from builder.cli.exits import Exit


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verbs."""
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    listing = verbs.add_parser("list", help="list the packages")
    listing.add_argument("--project", help="only packages of this project")
    asks_for_json(listing)
    listing.set_defaults(run=_list)


def _list(options: argparse.Namespace) -> int:
    packages: list[Package] = Farm.from_environment().get("packages", {"project": options.project})
    if options.json:
        tables.as_json(packages)
        return Exit.DONE
    rows = [
        (
            f"{package['project']}/{package['package']}",
            package["style"],
            package["channel"],
            ",".join(package["chroots"]),
            package["newest"] or "",
            package["state"] or "",
        )
        for package in packages
    ]
    tables.table(("PACKAGE", "STYLE", "CHANNEL", "CHROOTS", "BUILD", "STATE"), rows)
    return Exit.DONE
