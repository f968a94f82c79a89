"""`builder repo carry`: comps groups and AppStream catalogs for the metadata of a stage."""

import argparse
import base64
import gzip
from pathlib import Path
from typing import Any

from builder.cli.arguments import asks_for_json
from builder.cli.client import Farm
from builder.cli.exits import UsageError
from builder.cli.order import carry_out
from builder.errors import InvalidError

LARGEST = 30_000
"""Bytes of a file when it is packed, as the API takes it."""
_GZIP = b"\x1f\x8b"
"""The beginning of a file that is packed already."""
_PLACE = "the packages whose metadata it is: PROJECT/STAGE/DISTRIBUTION, such as hello/stable/fedora-43"


def configure(verbs: Any) -> None:
    """Add `carry` to the verbs of `builder repo`."""
    purpose = "give a stage's metadata a file of comps groups, or a catalog of AppStream"
    carry = verbs.add_parser("carry", help=purpose, description=f"{purpose[0].upper()}{purpose[1:]}.")
    carry.add_argument("place", metavar="PLACE", type=_place, help=_PLACE)
    carry.add_argument("kind", metavar="KIND", choices=("group", "appstream"), help="group (comps) or appstream")
    carry.add_argument("file", metavar="FILE", nargs="?", type=Path, help="the file, as XML, packed with gzip or not")
    carry.add_argument("--none", action="store_true", help="let there be no such file any more")
    carry.add_argument("--reason", default="", help="why")
    asks_for_json(carry)
    carry.set_defaults(run=_carry)


def _carry(options: argparse.Namespace) -> int:
    if (options.file is None) != options.none:
        raise UsageError("name one file, or say --none")
    project, stage, distribution = options.place
    order = {
        "type": "carry",
        "project": project,
        "stage": stage,
        "distribution": distribution,
        "kind": options.kind,
        "packed": "" if options.none else base64.b64encode(_packed(options.file)).decode(),
        "reason": options.reason,
    }
    return carry_out(Farm.from_environment(), order, as_json=options.json)


def _packed(file: Path) -> bytes:
    """Return the content of a file, packed; `InvalidError` if it is too large."""
    content = file.read_bytes()
    packed = content if content.startswith(_GZIP) else gzip.compress(content, mtime=0)
    if len(packed) > LARGEST:
        raise InvalidError(f"{file} has {len(packed)} bytes packed with gzip, and may have {LARGEST}")
    return packed


def _place(text: str) -> tuple[str, ...]:
    parts = tuple(text.split("/"))
    if len(parts) != 3 or not all(parts):
        raise argparse.ArgumentTypeError(f"`{text}` is not a stage's distribution, such as hello/stable/fedora-43")
    return parts
