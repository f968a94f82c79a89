"""Options of a definition, its macros and conditionals: mistakes that their types cannot say."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from builder.mistakes import Mistake, guess
from builder.model.options import FARMS_OWN, ChrootMacros
from builder.model.package import Package

LARGEST = 8192
"""Most bytes of the macros of a chroot together: all of them travel in each order."""
_SWITCHES = ("_with_", "_without_")


def check_macros(fields: Mapping[str, Any]) -> Iterator[Mistake]:
    """Yield the mistakes of macros, of a project or of its macros in one chroot."""
    macros = fields.get("macros")
    for name, value in macros.items() if isinstance(macros, dict) else ():
        if name in FARMS_OWN:
            yield Mistake(("macros", name), "is the farm's own macro; leave it out")
        if name.startswith(_SWITCHES):
            yield Mistake(
                ("macros", name), "is no macro to set: a conditional stands in `with` or `without` of a package"
            )
        if isinstance(value, str) and not _closed(value):
            yield Mistake(("macros", name), "opens a bracket that it does not close, or closes one too many")


def check_conditions(fields: Mapping[str, Any]) -> Iterator[Mistake]:
    """Yield the mistakes of conditionals, of a package or of its conditionals in one chroot."""
    on, off = _listed(fields, "with"), _listed(fields, "without")
    for key, names in (("with", on), ("without", off)):
        for index, name in enumerate(names):
            if name in names[:index]:
                yield Mistake((key, index), f"names `{name}` again")
    for index, name in enumerate(off):
        if name in on:
            yield Mistake(("without", index), f"is `{name}`, which stands in `with` too: it is one or the other")


def check_chroot_options(fields: Mapping[str, Any], chroots: Collection[str]) -> Iterator[Mistake]:
    """Yield the mistakes of a project with these chroots in its options.

    Options may name only chroots that it has, and may not be too long.
    """
    yield from _unknown((), fields.get("in-chroot"), chroots)
    packages = fields.get("packages")
    for name, package in packages.items() if isinstance(packages, dict) else ():
        if isinstance(package, Package):
            yield from _unknown(("packages", name), package.in_chroot, chroots)
    macros, in_chroot = fields.get("macros"), fields.get("in-chroot")
    common = _size(macros)
    if common > LARGEST:
        yield Mistake(("macros",), f"has more than {LARGEST} bytes together")
    for name, own in in_chroot.items() if isinstance(in_chroot, dict) else ():
        if isinstance(own, ChrootMacros) and common <= LARGEST < common + _size(own.macros):
            yield Mistake(("in-chroot", name), f"has more than {LARGEST} bytes of macros, with those of the project")


def _unknown(place: tuple[str, ...], in_chroot: object, chroots: Collection[str]) -> Iterator[Mistake]:
    for chroot in in_chroot if isinstance(in_chroot, dict) else ():
        if chroot not in chroots:
            yield Mistake((*place, "in-chroot", chroot), f"is not a chroot of the project{guess(chroot, chroots)}")


def _listed(fields: Mapping[str, Any], key: str) -> tuple[object, ...]:
    names = fields.get(key)
    return names if isinstance(names, tuple) else ()


def _size(macros: object) -> int:
    parts = macros.items() if isinstance(macros, dict) else ()
    return sum(len(f"{name}{value}".encode()) for name, value in parts if isinstance(value, str))


def _closed(value: str) -> bool:
    """Tell if braces and parentheses are balanced: rpm would take the next lines for the macro's."""
    for opening, closing in ("{}", "()"):
        depth = 0
        for letter in value:
            depth += (letter == opening) - (letter == closing)
            if depth < 0:
                return False
        if depth:
            return False
    return True
