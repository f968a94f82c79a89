"""`builder apply`: make the farm as a definition says. The text is sent as it is; the master judges it."""

import argparse
import sys
from pathlib import Path

from builder.cli import tables
from builder.cli.answers import DefinitionChange
from builder.cli.arguments import asks_for_json
from builder.cli.client import Farm
from builder.cli.exits import Exit, UsageError
from builder.errors import InvalidError


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("-f", "--file", required=True, metavar="FILE", help="the definition; - reads standard input")
    parser.add_argument("--dry-run", action="store_true", help="show what would change, and change nothing")
    asks_for_json(parser)
    parser.set_defaults(run=_apply)


def _apply(options: argparse.Namespace) -> int:
    text = read(options.file)
    farm = Farm.from_environment()
    try:
        changes: list[DefinitionChange] = farm.post("definition", text, {"dry_run": options.dry_run})
    except InvalidError as error:
        raise InvalidError(*(f"{options.file}: {mistake}" for mistake in error.mistakes)) from error
    if options.json:
        tables.as_json(changes)
        return Exit.DONE
    colours = tables.coloured(sys.stdout)
    for change in changes:
        print(f"{tables.paint(change['kind'], colours)} {tables.harmless(_told(change))}")
    print(_summary(len(changes), options.dry_run))
    return Exit.DONE


def read(name: str) -> str:
    """Return the text of the file `name`, or of standard input for `-`.

    Raises:
        UsageError: The file cannot be read, or is not UTF-8.
    """
    try:
        return (sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()).decode()
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is not UTF-8: byte {error.start} is {error.object[error.start]:#04x}") from error


def _told(change: DefinitionChange) -> str:
    match change["kind"]:
        case "changed":
            return f"{change['what']}: {change['before'] or '(none)'} -> {change['after'] or '(none)'}"
        case _:
            return change["what"]


def _summary(count: int, dry: bool) -> str:
    if not count:
        return "nothing to change: the farm is as the definition says"
    things = f"{count} change" if count == 1 else f"{count} changes"
    return f"{things} would be made" if dry else f"{things} made"
