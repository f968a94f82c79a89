"""`builder cancel`: the short form of `builder build cancel`."""

import argparse

from builder.cli.arguments import asks_for_json, build_number
from builder.cli.build import cancelled


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("number", metavar="BUILD", type=build_number, help="the build's number")
    parser.add_argument("job", metavar="JOB", nargs="?", help="cancel this job only")
    asks_for_json(parser)
    parser.set_defaults(run=cancelled)
