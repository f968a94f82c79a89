"""Arguments that several commands take, and the types of their values."""

import argparse


def asks_for_json(parser: argparse.ArgumentParser) -> None:
    """Add `--json`."""
    parser.add_argument("--json", action="store_true", help="print JSON, as the API tells it")


def build_number(text: str) -> int:
    """The number of a build."""
    number = whole_number(text, most=2**63 - 1)
    if number is None:
        raise argparse.ArgumentTypeError(f"`{text}` is not the number of a build, such as 17")
    return number


def operation_number(text: str) -> int:
    """The number of an operation."""
    number = whole_number(text, most=2**63 - 1)
    if number is None:
        raise argparse.ArgumentTypeError(f"`{text}` is not the number of an operation, such as 17")
    return number


def generation(text: str) -> int:
    """The number of a repository's generation."""
    number = whole_number(text, most=2**63 - 1)
    if number is None:
        raise argparse.ArgumentTypeError(f"`{text}` is not the number of a generation, such as 17")
    return number


def repository(text: str) -> str:
    """The name of a repository: four parts, five where the tree is one for debuginfo."""
    parts = text.split("/")
    if not (len(parts) in {4, 5} and all(parts)):
        raise argparse.ArgumentTypeError(f"`{text}` is not a repository, such as hello/testing/fedora-43/x86_64")
    return text


def list_limit(text: str) -> int:
    """How many entries of a list are wanted."""
    number = whole_number(text, most=500)
    if number is None:
        raise argparse.ArgumentTypeError(f"`{text}` is not a number from 1 to 500")
    return number


def whole_number(text: str, most: int) -> int | None:
    """The number from 1 to `most` that `text` says in decimal digits; None when it says none."""
    # The length is bounded because int() refuses thousands of digits with an error of its own.
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        return None
    number = int(text)
    return number if 1 <= number <= most else None
