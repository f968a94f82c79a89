"""The command line: `mini-distribution [--cache FOLDER] OUT`."""

import argparse
import subprocess
import sys
from pathlib import Path

from mini_distribution import cache, repository


def main() -> int:
    """Make the distribution or find it kept, and put it where the person wants it; 3 if the host is not fit."""
    parser = argparse.ArgumentParser(
        prog="mini-distribution",
        description="Make a small RPM distribution from this Debian host's own files, once, and reuse it: "
        "OUT/repo leads to its repository, OUT/mini-*.toml defines a chroot of it for the farm.",
    )
    parser.add_argument("out", metavar="OUT", type=Path, help="the folder to put both in, made if need be")
    parser.add_argument(
        "--cache",
        metavar="FOLDER",
        type=Path,
        default=cache.default_folder(),
        help="where the distribution itself is kept (default: %(default)s)",
    )
    arguments = parser.parse_args()
    try:
        made, new = cache.kept(arguments.cache)
        definition = _put(arguments.out, made)
    except (repository.UnfitHostError, OSError, subprocess.TimeoutExpired) as error:
        print(f"mini-distribution: {error}", file=sys.stderr)
        return 3
    print(f"{definition} ({'made' if new else 'kept'} in {made})")
    return 0


def _put(out: Path, made: Path) -> Path:
    out.mkdir(parents=True, exist_ok=True)
    link = out / "repo"
    link.unlink(missing_ok=True)
    link.symlink_to(made.resolve())
    definition = out / repository.definition_name()
    definition.write_text(repository.definition(made))
    return definition
