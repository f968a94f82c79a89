"""Arguments that several commands take, and the types of their values."""

import argparse
from collections.abc import Callable


def asks_for_json(parser: argparse.ArgumentParser) -> None:
    """Add `--json`."""
    parser.add_argument("--json", action="store_true", help="print JSON, as the API tells it")


def _number_of(what: str) -> Callable[[str], int]:
    """Return the type of an argument that is the number of `what`."""

    def number_of(text: str) -> int:
        number = whole_number(text, most=2**63 - 1)
        if number is None:
            raise argparse.ArgumentTypeError(f"`{text}` is not the number of {what}, such as 17")
        return number

    return number_of


build_number = _number_of("a build")
operation_number = _number_of("an operation")
generation = _number_of("a generation")


def repository(text: str) -> str:
    """Return the name of a repository: four parts, five where the tree is one for debuginfo."""
    parts = text.split("/")
    if not (len(parts) in {4, 5} and all(parts)):
        raise argparse.ArgumentTypeError(f"`{text}` is not a repository, such as hello/testing/fedora-43/x86_64")
    return text


def list_limit(text: str) -> int:
    """Return the number of entries of a list that are wanted."""
    number = whole_number(text, most=500)
    if number is None:
        raise argparse.ArgumentTypeError(f"`{text}` is not a number from 1 to 500")
    return number


def whole_number(text: str, most: int) -> int | None:
    """Return the number from 1 to `most` that `text` says in decimal digits; None when it says none."""
    # The length is bounded because int() refuses thousands of digits with an error of its own.
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        return None
    number = int(text)
    return number if 1 <= number <= most else None
