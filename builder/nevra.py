"""Names and versions of RPMs: parsing, writing, and the order in which rpm puts versions.

An EVR is `[epoch:]version-release`; a missing epoch is 0. A NEVRA is `name-[epoch:]version-release.architecture`.
The order is rpm's own (rpmvercmp in rpm's sources, rpm-version(7)), written down here because the master compares what
strangers say, and parses that with no library of C.
"""

import re

import msgspec

from builder.errors import InvalidError

_PART = r"[A-Za-z0-9._+~^]{1,128}"
"""A version or release: what rpmbuild allows (ALLOWED_CHARS_VERREL in rpm's sources), no longer than a file's name."""
_EVR = re.compile(rf"(?:(?P<epoch>[0-9]{{1,10}}):)?(?P<version>{_PART})-(?P<release>{_PART})")
_SEGMENT = re.compile(r"[0-9]+|[A-Za-z]+|[~^]")
_MARKS = {"~": (-1, 0, ""), "^": (1, 0, "")}
_END = (0, 0, "")
_Order = tuple[tuple[int, int, str], ...]
_NEVRA = re.compile(rf"(?P<name>[^\s:]+)-(?P<evr>(?:[0-9]{{1,10}}:)?{_PART}-{_PART})\.(?P<architecture>[^\s:.-]+)")


class Evr(msgspec.Struct, frozen=True):
    """Epoch, version and release, which order the packages of one name."""

    epoch: int
    version: str
    release: str

    @property
    def text(self) -> str:
        """`[epoch:]version-release`, without an epoch of 0."""
        return f"{self.epoch}:{self.version}-{self.release}" if self.epoch else f"{self.version}-{self.release}"


class Nevra(msgspec.Struct, frozen=True):
    """The full name of one RPM; the architecture of a source package is `src`."""

    name: str
    evr: Evr
    architecture: str

    @property
    def text(self) -> str:
        """`name-[epoch:]version-release.architecture`, without an epoch of 0."""
        return f"{self.name}-{self.evr.text}.{self.architecture}"


def parse_evr(text: str) -> Evr:
    """Return the parts of `[epoch:]version-release`; `InvalidError` if it is none."""
    match = _EVR.fullmatch(text)
    if match is None:
        raise InvalidError(f"{text!r} is no EVR: it is written [epoch:]version-release")
    return Evr(int(match["epoch"] or 0), match["version"], match["release"])


def is_evr(text: str) -> bool:
    """Tell if `parse_evr` takes this."""
    try:
        parse_evr(text)
    except InvalidError:
        return False
    return True


def parse(text: str) -> Nevra:
    """Return the parts of `name-[epoch:]version-release.architecture`; `InvalidError` if it is none."""
    match = _NEVRA.fullmatch(text)
    if match is None:
        raise InvalidError(f"{text!r} is no NEVRA: it is written name-[epoch:]version-release.architecture")
    return Nevra(match["name"], parse_evr(match["evr"]), match["architecture"])


def compare(a: str, b: str) -> int:
    """Compare two EVRs: -1 if `a` is older than `b`, 0 if rpm holds them for equal, 1 if newer."""
    first, second = newest_last(a), newest_last(b)
    return (first > second) - (first < second)


def newest_last(text: str) -> tuple[int, _Order, _Order]:
    """Return the key that orders an EVR among others, for `sorted` and `max`."""
    evr = parse_evr(text)
    return evr.epoch, _order(evr.version), _order(evr.release)


def _order(text: str) -> _Order:
    """Return the segments of a version or release; all between them only separates them."""
    return (*(_segment(found) for found in _SEGMENT.findall(text)), _END)


def _segment(text: str) -> tuple[int, int, str]:
    """Return the key of a segment: a tilde is older than the end, a caret newer, letters newer, a number newest."""
    if text in _MARKS:
        return _MARKS[text]
    number = text.lstrip("0")
    return (3, len(number), number) if text.isdecimal() else (2, 0, text)
