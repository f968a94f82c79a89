"""The command `builder`: nouns, their verbs, and short forms for daily use.

Each noun is a module that is imported only when it is asked for. Those that talk to a farm import the standard
library alone, so that the command answers at once.
"""

import argparse
import importlib
import io
import os
import sys
import time
from collections.abc import Sequence
from typing import NamedTuple

from builder import __version__
from builder.cli.exits import Exit, UsageError, exit_of
from builder.errors import BuilderError


class Command(NamedTuple):
    """A noun, or a verb of daily use: its module, whose `configure` adds arguments and sets `run`."""

    module: str
    help: str


COMMANDS = {
    "build": Command("build", "build a package; list, show and cancel builds"),
    "watch": Command("watch", "follow a build until it ends"),
    "log": Command("log", "show the log of a job"),
    "cancel": Command("cancel", "cancel a build or one of its jobs"),
    "repo": Command("repo", "look into the repositories, and order what is done to them"),
    "promote": Command("promote", "bring packages from one stage to another"),
    "package": Command("package", "list the packages"),
    "secret": Command("secret", "keep what private git repositories are read with"),
    "slave": Command("slave", "list the hosts that build"),
    "apply": Command("apply", "make the farm as a definition says"),
    "export": Command("export", "write the farm's definition"),
    "up": Command("up", "run a whole farm on this machine"),
    "pki": Command("pki", "make the farm's CA and its certificates"),
    "check-config": Command("check_config", "find the mistakes in configurations and definitions"),
}


def main() -> int:
    """Run the command that was typed; the entry point of `builder`.

    Returns:
        The exit code.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that lacks a character shows another one
    try:
        code = _outcome(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        # Who reads has seen enough; what is still in the buffer must not fail a second time at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.FAILED
    return code


def _outcome(arguments: Sequence[str]) -> int:
    """Return the exit code of a command; its error is told on standard error."""
    try:
        return run(arguments)
    except (BuilderError, UsageError) as error:
        for line in str(error).splitlines():
            print(f"builder: {line}", file=sys.stderr)
        return exit_of(error)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        raise
    except OSError as error:
        print(f"builder: {error.filename or 'this machine'}: {error.strerror}", file=sys.stderr)
        return Exit.REFUSED


def run(arguments: Sequence[str]) -> int:
    """Parse `arguments` and run the command that they name."""
    parsed = parse(arguments)
    return int(parsed.run(parsed))


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options in `arguments`; `run` carries the command out, and `now` tells the time.

    Raises:
        UsageError: The arguments are not text.
        SystemExit: The arguments make no sense, or ask for help; which has been said.
    """
    for argument in arguments:
        if not _is_text(argument):
            raise UsageError(f"the argument {os.fsencode(argument)!r} is not UTF-8")
    noun = next((word for word in arguments if not word.startswith("-")), None)
    if noun == "build":
        arguments = _spelled_out(arguments)
    return _parser(noun).parse_args(arguments)


def _is_text(argument: str) -> bool:
    try:
        argument.encode()
    except UnicodeEncodeError:  # bytes that are not UTF-8 arrive as lone surrogates (PEP 383)
        return False
    return True


def _parser(chosen: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="builder",
        description="Build packages on a farm and publish them as repositories.",
        epilog="Every command has a --help of its own.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"builder {__version__}")
    parser.set_defaults(now=time.time)  # noqa: TID251 - an entry point reads the wall clock
    nouns = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        noun = nouns.add_parser(name, help=command.help, description=f"{command.help[0].upper()}{command.help[1:]}.")
        if name == chosen:
            importlib.import_module(f"builder.cli.{command.module}").configure(noun)
    return parser


def _spelled_out(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with `build NAME` spelled out as `build start NAME`."""
    from builder.cli.build import VERBS  # noqa: PLC0415 - imported when it is asked for

    place = arguments.index("build") + 1
    rest = arguments[place:]
    if not rest or rest[0] in {*VERBS, "-h", "--help"}:
        return list(arguments)
    return [*arguments[:place], "start", *rest]
