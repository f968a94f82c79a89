"""Options: what rpm is told of a package beyond its spec, everywhere or in one chroot.

They reach rpm as arguments and lines of its own, never through a shell; patterns and limits keep each of them one
word or one line, and all of them together small enough for an order.
"""

from collections.abc import Mapping
from typing import Annotated

import msgspec

from builder.model import Value

FARMS_OWN = frozenset(
    {
        "_builddir",
        "_buildhost",
        "_checkout",
        "_dbpath",
        "_netsharedpath",
        "_rpmdir",
        "_rpmfilename",
        "_sourcedir",
        "_specdir",
        "_srcrpmdir",
        "_topdir",
        "dist",
    }
)
"""Macros by which the farm itself tells rpm what to do."""

MacroName = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[A-Za-z_][A-Za-z0-9_]{2,}\Z",
        max_length=64,
        description="a macro's name: at least three letters, digits and `_`, and no digit first",
    ),
]
MacroValue = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(?!.*\{[{%#])(?!.*[\\\s]\Z)[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*\Z",
        max_length=512,
        description="one line of text without spaces around it, `{{`, `{%` and `{#` in it, or `\\` at its end "
        "(`%{nil}` is nothing)",
    ),
]
"""The value of a macro: rpm goes on with the next line behind a backslash, and mock expands templates in what it hands
to rpm.
"""
Condition = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[A-Za-z0-9_]+\Z",
        max_length=64,
        description="the name of a conditional of the spec: letters, digits and `_`",
    ),
]
Macros = Annotated[dict[MacroName, MacroValue], msgspec.Meta(max_length=40)]
Conditions = Annotated[tuple[Condition, ...], msgspec.Meta(max_length=40)]


class ChrootMacros(Value, frozen=True, kw_only=True):
    """The macros of a project in one chroot, which go before its others."""

    macros: Macros = msgspec.field(default_factory=dict)


class ChrootConditions(Value, frozen=True, kw_only=True):
    """The conditionals of a package in one chroot, which go before its others."""

    with_: Conditions = msgspec.field(name="with", default=())
    without: Conditions = ()


class Options(Value, frozen=True, kw_only=True):
    """Macros and conditionals as they hold for one run of rpm: `with_` are on and `without` off, and none is both."""

    macros: Annotated[dict[MacroName, MacroValue], msgspec.Meta(max_length=80)] = msgspec.field(default_factory=dict)
    with_: Annotated[tuple[Condition, ...], msgspec.Meta(max_length=80)] = msgspec.field(name="with", default=())
    without: Annotated[tuple[Condition, ...], msgspec.Meta(max_length=80)] = ()

    def and_then(self, macros: Mapping[str, str], conditions: ChrootConditions) -> "Options":
        """Return these options with others, which win where both say something."""
        on = dict.fromkeys([*(name for name in self.with_ if name not in conditions.without), *conditions.with_])
        off = dict.fromkeys([*(name for name in self.without if name not in conditions.with_), *conditions.without])
        return Options(macros={**self.macros, **macros}, with_=tuple(on), without=tuple(off))

    @property
    def defined(self) -> dict[str, str]:
        """The options as macros with their values: a conditional is one whose name and value rpm(8) gives to it."""
        on = {f"_with_{name}": f"--with-{name}" for name in self.with_}
        return {**self.macros, **on, **{f"_without_{name}": f"--without-{name}" for name in self.without}}
