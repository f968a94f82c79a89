"""`builder check-config`: find the mistakes in daemons' configurations and in definitions, without a farm."""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

from builder.cli.apply import read
from builder.cli.exits import Exit, UsageError
from builder.config import SECTIONS, TOGETHER, MasterConfig, read_config, read_toml
from builder.errors import BuilderError, InvalidError

FOLDER = Path("/etc/builder")
"""The folder in which the daemons look for their files when they are told nothing else."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    daemons = ", ".join(f"{section}.toml" for section in SECTIONS.values())
    what = f"{daemons}, {TOGETHER}, a chroot's *-*-*.toml, or a definition *.yaml (default: what is in {FOLDER})"
    parser.add_argument("files", metavar="FILE", nargs="*", type=Path, help=what)
    parser.set_defaults(run=_check)


def _check(options: argparse.Namespace) -> int:
    paths: list[Path] = options.files or [path for path in map(FOLDER.joinpath, _NAMES) if path.exists()]
    if not paths:
        raise UsageError(f"there is nothing to check in {FOLDER}; name a file")
    mistakes = [mistake for path in paths for mistake in _mistakes(path)]
    if mistakes:
        raise InvalidError(*mistakes)
    for path in paths:
        print(f"{path}: no mistakes")
    return Exit.DONE


_NAMES = [f"{section}.toml" for section in SECTIONS.values()]
_CHROOT = re.compile(r"[^-]+(-[^-]+)+-[^-]+\.toml")


def _mistakes(path: Path) -> Iterator[str]:
    if path.suffix in {".yaml", ".yml"}:
        yield from _definition(path)
        return
    wanted = [config for config, section in SECTIONS.items() if path.name in {TOGETHER, f"{section}.toml"}]
    if not wanted and _CHROOT.fullmatch(path.name):
        yield from _chroot(path)
        return
    if not wanted:
        names = ", ".join([*_NAMES, TOGETHER])
        what = f"its name should be one of {names}, a chroot's such as fedora-43-x86_64.toml, or end in .yaml"
        raise UsageError(f"{path}: {what}, to tell what it is")
    if path.name == TOGETHER:
        there = read_toml(path)
        wanted = [config for config in wanted if SECTIONS[config] in there] or wanted
        for unknown in sorted(there.keys() - SECTIONS.values()):
            yield f"{path}: `{unknown}` is not known here; there is `[master]`, `[slave]`, `[repo]`"
    for config in wanted:
        try:
            told = read_config(path, config)
        except InvalidError as error:
            yield from error.mistakes
        else:
            yield from _chroots(told)


def _chroots(config: object) -> Iterator[str]:
    """Yield the mistakes in the chroots that a master would leave out."""
    if isinstance(config, MasterConfig):
        from builder.master.chroots import load  # noqa: PLC0415 - only a master's configuration names chroots

        yield from load(config.chroots).mistakes


def _chroot(path: Path) -> Iterator[str]:
    from builder.master.chroots import check  # noqa: PLC0415 - read only where it is asked for

    try:
        check(path)
    except InvalidError as error:
        yield from error.mistakes


def _definition(path: Path) -> Iterator[str]:
    from builder.master.definition.text import parse  # noqa: PLC0415 - YAML is read only where it is asked for

    try:
        parse(read(str(path)))
    except InvalidError as error:
        yield from (f"{path}: {mistake}" for mistake in error.mistakes)
    except BuilderError as error:
        yield f"{path}: {error}"
