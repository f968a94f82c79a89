"""`builder export`: write the farm's definition, as `builder apply` takes it."""

import argparse
import sys

from builder.cli import tables
from builder.cli.arguments import asks_for_json
from builder.cli.client import Farm
from builder.cli.exits import Exit


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("project", metavar="PROJECT", nargs="?", help="only this project (default: all)")
    asks_for_json(parser)
    parser.set_defaults(run=_export)


def _export(options: argparse.Namespace) -> int:
    text = Farm.from_environment().text("definition", {"project": options.project})
    if options.json:
        tables.as_json({"definition": text})
    else:
        sys.stdout.write(text)
    return Exit.DONE
