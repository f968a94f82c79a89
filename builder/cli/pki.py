"""`builder pki`: the farm's CA, and certificates for daemons on other machines."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from builder.certificates import Identity, create_authority
from builder.certificates import issue as issue_certificate
from builder.cli.exits import Exit
from builder.wire import Role


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verbs."""
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    initial = verbs.add_parser("init", help="make the CA of a farm")
    initial.add_argument("--farm", default="builder", metavar="NAME", help="what the farm is called (default: builder)")
    initial.set_defaults(run=_init)
    issuing = verbs.add_parser("issue", help="make a daemon's certificate and key")
    issuing.add_argument("role", choices=[role.value for role in Role], help="what the daemon is")
    issuing.add_argument("name", metavar="NAME", help="what it is called")
    issuing.add_argument("--out", type=Path, metavar="DIR", help="where the files go (default: where the CA is)")
    issuing.add_argument("--host", action="append", default=[], help="a name or address under which it is reached")
    issuing.set_defaults(run=_issue)
    for verb in (initial, issuing):
        where = "the folder of the CA (default: %(default)s)"
        verb.add_argument("--pki", type=Path, default=Path("/etc/builder/pki"), metavar="DIR", help=where)


def _init(options: argparse.Namespace) -> int:
    print(init(options.pki, options.farm, options.now()))
    return Exit.DONE


def _issue(options: argparse.Namespace) -> int:
    out = options.out or options.pki
    print(issue(options.pki, Role(options.role), options.name, out, options.host, options.now()))
    return Exit.DONE


def init(folder: Path, farm: str, now: float) -> str:
    """Make the CA of a farm in `folder` at the time `now`, for `pki init`; return what to tell the person.

    Raises:
        ConflictError: There is a CA already.
        InvalidError: The farm's name is not one.
    """
    create_authority(folder, farm, now)
    return f"the CA of the farm {farm} is in {folder}; whoever has {folder / 'ca.key'} can join the farm: guard it"


def issue(folder: Path, role: Role, name: str, out: Path, hosts: Sequence[str], now: float) -> str:
    """Make a certificate and its key in `out` at the time `now`, for `pki issue ROLE NAME`; return what to tell.

    Raises:
        NotFoundError: There is no CA in `folder`.
        ConflictError: `out` holds such a certificate, or the CA of another farm.
        InvalidError: The name, or one of the hosts, is not one; or the CA's files are broken.
    """
    made = issue_certificate(folder, Identity(role=role, name=name), hosts, now=now, out=out)
    return f"copy {made.ca}, {made.certificate} and {made.key} to the machine of the {role.value} {name}"
