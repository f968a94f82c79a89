"""`builder secret`: secrets that open private git repositories. A value goes in and never comes out."""

import argparse
import getpass
import sys
from urllib.parse import quote

from builder.cli import tables
from builder.cli.answers import Secret
from builder.cli.apply import read
from builder.cli.arguments import asks_for_json
from builder.cli.client import Farm
from builder.cli.exits import Exit, UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verbs."""
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    putting = verbs.add_parser("set", help="keep a private ssh key, or a token, under a name")
    listing = verbs.add_parser("list", help="list the names of secrets, who set them and when; never what they are")
    removing = verbs.add_parser("remove", help="forget a secret")
    for verb in (putting, removing):
        verb.add_argument("project", metavar="PROJECT", help="whose it is")
        verb.add_argument("name", metavar="NAME", help="what a definition calls it (`secret: NAME`)")
    where = "an ssh key without passphrase, or TOKEN or USER:TOKEN in one line; default: standard input"
    putting.add_argument("--file", default="-", metavar="FILE", help=where)
    listing.add_argument("project", metavar="PROJECT", nargs="?", help="only of this project (default: all)")
    for verb, function in ((putting, _set), (listing, _list), (removing, _remove)):
        asks_for_json(verb)
        verb.set_defaults(run=function)


def _set(options: argparse.Namespace) -> int:
    typed = options.file == "-" and sys.stdin.isatty()
    value = _typed() if typed else read(options.file)
    secret: Secret = Farm.from_environment().post(_path(options), {"value": value})
    if options.json:
        tables.as_json(secret)
    else:
        print(f"the {secret['kind']} `{secret['name']}` of the project `{secret['project']}` is set")
    return Exit.DONE


def _typed() -> str:
    try:
        return getpass.getpass("TOKEN or USER:TOKEN (not shown): ")
    except (EOFError, UnicodeDecodeError):
        raise UsageError("no token was typed") from None


def _list(options: argparse.Namespace) -> int:
    secrets: list[Secret] = Farm.from_environment().get("secrets", {"project": options.project})
    if options.json:
        tables.as_json(secrets)
        return Exit.DONE
    rows = [(one["project"], one["name"], one["kind"], one["set_by"], tables.when(one["time"])) for one in secrets]
    tables.table(("PROJECT", "SECRET", "KIND", "SET BY", "TIME"), rows)
    return Exit.DONE


def _remove(options: argparse.Namespace) -> int:
    left: list[Secret] = Farm.from_environment().post(f"{_path(options)}/remove", {})
    if options.json:
        tables.as_json(left)
    else:
        print(f"the secret `{options.name}` of the project `{options.project}` is removed")
    return Exit.DONE


def _path(options: argparse.Namespace) -> str:
    return f"secrets/{quote(options.project, safe='')}/{quote(options.name, safe='')}"
