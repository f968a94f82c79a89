"""The gate: the decision if an SRPM is built in a chroot, given what was built there before. Values in, a value out.

* Nothing was built before: build.
* The same inputs once more: skip, unless a chroot has come since for which a noarch package is not there: that is a
  rebuild for all of them.
* Style `release`: build what is strictly newer.
* Style `ci`: build what is newer or equal, where EVRs are compared without the build number and the commit in
  `%{_checkout}`: of two commits of one day, the later build wins. A build that was overtaken by a later one is
  skipped, and a spec that ignores `%{_checkout}` cannot be built a second time.
* A forced build passes, but never repeats an EVR with other bytes: a rebuild gets the next serial behind `%dist`, and a
  spec that ignores `%dist` cannot be rebuilt.

Every SRPM that passes unforced is newer than all that there was.
"""

import re
from collections.abc import Callable
from typing import Final

from builder import nevra
from builder.model import Value
from builder.model.package import Style
from builder.model.work import LastBuilt

SERIALS: Final = 100
"""Most serials that are tried, each of which asks rpm for the EVR."""
_CHECKOUT = re.compile(r"(\d{8})\.\d+git[0-9a-f]+")


class Build(Value, frozen=True, kw_only=True):
    """The decision to build: `serial` goes behind `%dist` unless it is 0, and gives `evr`."""

    evr: str
    serial: int = 0


class Skip(Value, frozen=True, kw_only=True):
    """The decision not to build: `evr` is there already."""

    evr: str
    reason: str


class Refuse(Value, frozen=True, kw_only=True):
    """The decision that the SRPM cannot be built as asked."""

    reason: str


def decide(
    style: Style, evr: Callable[[int], str], inputs: str, last: LastBuilt | None, *, force: bool
) -> Build | Skip | Refuse:
    """Return the decision; `evr` gives the spec's EVR in the chroot with a serial behind `%dist` (0 is none)."""
    if last is None:
        return Build(evr=evr(0))
    if force:
        return _forced(evr, last)
    same = last.evr if inputs == last.inputs else last.same
    if same is not None:
        lacking = same == last.evr and not last.everywhere and nevra.compare(evr(last.serial), last.evr) == 0
        return _forced(evr, last) if lacking else Skip(evr=same, reason=f"{same} was built from the same sources")
    return _newer(style, evr, last)


def _forced(evr: Callable[[int], str], last: LastBuilt) -> Build | Refuse:
    """Return a build with the first serial whose EVR there never was and, in a rebuild, is newer than the last one.

    A Release such as `1%{?dist}.2` is not newer before the serial 2.
    """
    taken = (last.evr, *last.taken)
    again = nevra.compare(evr(last.serial), last.evr) == 0
    first = last.serial + 1 if again else 0
    for serial in range(first, first + SERIALS):
        order = [nevra.compare(evr(serial), there) for there in taken]
        if order[0] > 0 if again else all(order):
            return Build(evr=evr(serial), serial=serial)
        if evr(serial) == evr(serial + 1):
            why = "the spec's Release has no %{?dist} to be told apart by"
            break
    else:
        why = f"what the spec's Release has behind %{{?dist}} is higher than {SERIALS} serials"
    return Refuse(reason=f"{evr(first)} cannot be built again: {why}")


def _newer(style: Style, evr: Callable[[int], str], last: LastBuilt) -> Build | Skip | Refuse:
    """Return a build without a serial, or with the last one if only that makes it newer than what is there."""
    comparable = evr(last.serial)
    order = _compare(style, comparable, last.evr)
    if order > 0 or (order == 0 and style is Style.CI):
        for serial in sorted({0, last.serial}):
            if nevra.compare(evr(serial), last.evr) > 0:
                return Build(evr=evr(serial), serial=serial)
    if style is Style.CI and nevra.compare(comparable, last.evr) == 0:
        reason = f"{last.evr} is there, of other sources: the spec's Release has no %{{_checkout}} to be told apart by"
        return Refuse(reason=reason)
    return Skip(evr=last.evr, reason=f"{comparable} is not newer than {last.evr}, which is there")


def _compare(style: Style, ours: str, theirs: str) -> int:
    if style is Style.CI:
        ours, theirs = _CHECKOUT.sub(r"\1", ours), _CHECKOUT.sub(r"\1", theirs)
    return nevra.compare(ours, theirs)
