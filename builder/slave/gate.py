"""The gate: whether an SRPM is built in a chroot, given what was built there before. Values in, a value out.

* Nothing was built before: build.
* The same inputs once more: skip.
* Style `release`: build what is strictly newer.
* Style `ci`: build what is newer or equal, where EVRs are compared without the build number and the commit in
  `%{_checkout}`: of two commits of one day, the later build wins.
* A forced build passes, but never repeats an EVR with other bytes: a rebuild gets the next serial behind `%dist`, and a
  spec that ignores `%dist` cannot be rebuilt.
"""

import re
from collections.abc import Callable

from builder import nevra
from builder.model import Value
from builder.model.attempt import LastBuilt
from builder.model.project import Style

_CHECKOUT = re.compile(r"(\d{8})\.\d+git[0-9a-f]+")


class Build(Value, frozen=True, kw_only=True):
    """Build it; `serial` goes behind `%dist` unless it is 0, and gives `evr`."""

    evr: str
    serial: int = 0


class Skip(Value, frozen=True, kw_only=True):
    """Do not build it: `evr` is there already."""

    evr: str
    reason: str


class Refuse(Value, frozen=True, kw_only=True):
    """It cannot be built as asked."""

    reason: str


def decide(
    style: Style, evr: Callable[[int], str], inputs: str, last: LastBuilt | None, *, force: bool
) -> Build | Skip | Refuse:
    """Decide; `evr` gives what the spec evaluates to in the chroot with a serial behind `%dist` (0 is none)."""
    if last is None:
        return Build(evr=evr(0))
    if force:
        return _forced(evr, last)
    if inputs == last.inputs:
        return Skip(evr=last.evr, reason=f"{last.evr} was built from the same sources")
    comparable = evr(last.serial)
    order = _compare(style, comparable, last.evr)
    if order > 0 or (order == 0 and style is Style.CI):
        return _newer(evr, last)
    return Skip(evr=last.evr, reason=f"{comparable} is not newer than {last.evr}, which is there")


def _forced(evr: Callable[[int], str], last: LastBuilt) -> Build | Refuse:
    if nevra.compare(evr(last.serial), last.evr) != 0:
        return Build(evr=evr(0))
    serial = last.serial + 1
    if evr(serial) == evr(last.serial):
        return Refuse(
            reason=f"{last.evr} cannot be built again: the spec's Release has no %{{?dist}} to be told apart by"
        )
    return Build(evr=evr(serial), serial=serial)


def _newer(evr: Callable[[int], str], last: LastBuilt) -> Build:
    """Without a serial, unless only with the last one it is newer than what is there."""
    if last.serial and nevra.compare(evr(0), last.evr) <= 0:
        return Build(evr=evr(last.serial), serial=last.serial)
    return Build(evr=evr(0))


def _compare(style: Style, ours: str, theirs: str) -> int:
    if style is Style.CI:
        ours, theirs = _CHECKOUT.sub(r"\1", ours), _CHECKOUT.sub(r"\1", theirs)
    return nevra.compare(ours, theirs)
