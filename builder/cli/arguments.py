"""Arguments that several commands take, and the types of their values."""

import argparse


def asks_for_json(parser: argparse.ArgumentParser) -> None:
    """Add `--json`."""
    parser.add_argument("--json", action="store_true", help="print JSON, as the API tells it")


def build_number(text: str) -> int:
    """The number of a build."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:19]) < 2**63:
        raise argparse.ArgumentTypeError(f"`{text}` is not the number of a build, such as 17")
    return int(text)


def list_limit(text: str) -> int:
    """How many entries of a list are wanted."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= 500:
        raise argparse.ArgumentTypeError(f"`{text}` is not a number from 1 to 500")
    return int(text)
