"""Checks of a definition: mistakes that the types of its values cannot say."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from builder.master.definition.options import check_chroot_options, check_conditions, check_macros
from builder.master.definition.write import duration
from builder.mistakes import Mistake, guess, shown
from builder.model.chroot import BaseRepository
from builder.model.package import TIMEOUT, Package, StepTimeouts, Style

VERBS = frozenset({"start", "list", "show", "cancel"})
"""Words that may follow `builder build`, so that `builder build NAME` is never ambiguous."""
ADDRESSES = 16_384
"""Most characters that a project's external repositories have for their addresses."""

_GIT_URL = re.compile(
    r"(?:(?:https?|git|ssh)://(?!-)[^\s/]+|file://(?=/)|[A-Za-z0-9._]+@[A-Za-z0-9][A-Za-z0-9.-]*:)[^\s\x00-\x1f\x7f]*"
)
_REF = re.compile(r"(?!-)[^\s\x00-\x1f\x7f~^:?*\[\\]+")
_PASSWORD = re.compile(r"https?://[^/@]*@|[a-z+]+://[^/@:]*:[^/@]*@")
"""A secret in an address: over HTTP all that stands before the host, even without a colon; over ssh only behind one."""
_OPEN = re.compile(r"(?!https:|ssh:)[a-z]+://")
"""Transports over which a secret would not stay one, or is none."""
_REPOSITORY_URL = re.compile(r"(?:(?:https?|ftp)://(?!-)[^\s/]+|file://(?=/))[^\s\x00-\x1f\x7f]*")


def check_project(known: Collection[str] | None, fields: Mapping[str, Any]) -> Iterator[Mistake]:
    """Find the mistakes of a project; `known` are the farm's chroots, None where nobody knows them."""
    chroots = _names(fields, "chroots")
    for index, name in enumerate(chroots):
        if known is not None and name is not None and name not in known:
            yield Mistake(("chroots", index), f"is the unknown chroot `{name}`{guess(name, known)}")
    yield from _repeated("chroots", chroots)
    yield from _repeated("stages", _names(fields, "stages"))
    yield from _repeated("external", _names(fields, "external"))
    yield from _check_addresses(fields.get("external"))
    packages = fields.get("packages")
    for name, package in packages.items() if isinstance(packages, dict) else ():
        if name in VERBS:
            yield Mistake(("packages", name), f"is no name for a package: `builder build {name}` means something else")
        if isinstance(package, Package) and chroots and None not in chroots:
            yield from _check_choice(name, package, [chroot for chroot in chroots if chroot])
    yield from check_macros(fields)
    if chroots and None not in chroots:
        yield from check_chroot_options(fields, [chroot for chroot in chroots if chroot])


def _check_addresses(external: object) -> Iterator[Mistake]:
    """Yield the mistake that the addresses are too long: all of them travel in each order."""
    parts = external if isinstance(external, tuple) else ()
    if sum(len(part.url) for part in parts if isinstance(part, BaseRepository)) > ADDRESSES:
        yield Mistake(("external",), f"has addresses of more than {ADDRESSES} characters together")


def _names(fields: Mapping[str, Any], key: str) -> list[str | None]:
    """Return the names in a list, None for each that cannot be read; empty when there is no list."""
    parts = fields.get(key)
    if not isinstance(parts, tuple):
        return []
    names = [part.name if isinstance(part, BaseRepository) else part for part in parts]
    return [name if isinstance(name, str) else None for name in names]


def _check_choice(name: str, package: Package, chroots: Sequence[str]) -> Iterator[Mistake]:
    place = ("packages", name, "chroots")
    for key, named in (("include", package.chroots.include), ("exclude", package.chroots.exclude)):
        for index, chroot in enumerate(named):
            if chroot not in chroots:
                yield Mistake(
                    (*place, key, index), f"is `{chroot}`, not a chroot of the project{guess(chroot, chroots)}"
                )
    if set(chroots) <= set(package.chroots.exclude):
        yield Mistake((*place, "exclude"), "leaves no chroot to build the package for")


def check_chroots(fields: Mapping[str, Any]) -> Iterator[Mistake]:
    """Find the mistakes of a choice of chroots."""
    yield from _repeated("include", _names(fields, "include"))
    yield from _repeated("exclude", _names(fields, "exclude"))
    if fields.get("include") == ():
        yield Mistake(("include",), "names no chroot; leave it out to build for all of the project's")
    if "include" in fields and "exclude" in fields:
        yield Mistake(("exclude",), "stands beside `include`: give one of them, they would say the same")


def check_package(channels: Collection[str] | None, fields: Mapping[str, Any]) -> Iterator[Mistake]:
    """Find the mistakes of a package; `channels` are the farm's, None where nobody knows them."""
    channel = fields.get("channel")
    if isinstance(channel, str) and channels is not None and channel not in channels:
        yield Mistake(("channel",), f"is the unknown channel `{channel}`{guess(channel, channels)}")
    style, upstream = fields.get("style"), "upstream" in fields
    if style is Style.CI and not upstream:
        yield Mistake(("upstream",), "is missing: a package of style `ci` is built from an upstream repository")
    if style is Style.RELEASE and upstream:
        yield Mistake(("upstream",), "is for style `ci` only: a release is built from the sources its spec names")
    yield from _check_limits(fields)
    yield from check_conditions(fields)


def _check_limits(fields: Mapping[str, Any]) -> Iterator[Mistake]:
    """Yield the mistakes of limits that are longer than the whole, and would never end anything."""
    whole, steps = fields.get("timeout", TIMEOUT), fields.get("timeouts")
    limits: dict[tuple[str, ...], Any] = {("silence",): fields.get("silence")}
    if isinstance(steps, StepTimeouts):
        limits |= {("timeouts", name): getattr(steps, name) for name in StepTimeouts.__struct_fields__}
    for place, limit in limits.items():
        if isinstance(limit, int) and isinstance(whole, int) and limit > whole:
            yield Mistake(place, f"is longer than the whole may take (`timeout`, {duration(whole)})")


def check_source(fields: Mapping[str, Any]) -> Iterator[Mistake]:
    """Find the mistakes of a place in a git repository."""
    url, ref = fields.get("git"), fields.get("ref")
    yield from _check_secrets("git", url)
    if isinstance(url, str) and not _GIT_URL.fullmatch(url):
        wanted = "should be a git URL (https://…, http://…, ssh://…, git://…, file:///… or user@host:path)"
        yield Mistake(("git",), f"{wanted}, not {shown(url)}")
    if isinstance(ref, str) and not _REF.fullmatch(ref):
        yield Mistake(("ref",), f"should be a branch, tag or commit, not {shown(ref)}")
    if isinstance(url, str) and isinstance(fields.get("secret"), str) and _OPEN.match(url):
        yield Mistake(("secret",), "is for https and ssh alone: over anything else everybody on the way could read it")


def check_repository(fields: Mapping[str, Any]) -> Iterator[Mistake]:
    """Find the mistakes of an external repository."""
    url = fields.get("url")
    yield from _check_secrets("url", url)
    if isinstance(url, str) and not _REPOSITORY_URL.fullmatch(url):
        yield Mistake(("url",), f"should be a URL (https://…, http://…, ftp://… or file:///…), not {shown(url)}")


def _check_secrets(key: str, url: object) -> Iterator[Mistake]:
    """Yield the mistake of a secret in an address, which everybody could read; the sentence must not tell it either."""
    if isinstance(url, str) and _PASSWORD.match(url):
        yield Mistake((key,), "holds a password or token, which everybody could read: leave out what stands before `@`")


def _repeated(key: str, names: Sequence[str | None]) -> Iterator[Mistake]:
    for index, name in enumerate(names):
        if name is not None and name in names[:index]:
            yield Mistake((key, index), f"names `{name}` again")
