"""The farm's definition: the YAML text in which people describe projects, and the values it stands for.

One document describes one project. `parse` names every mistake with its line; `dump` writes text that parses back to
the same values; `difference` says what applying a definition would change.
"""

import enum
import functools
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import yaml
from msgspec import inspect

from builder.errors import InvalidError
from builder.master.document import Document, documents
from builder.master.in_upstream import with_packaging
from builder.master.options import check_chroots, check_conditions, check_macros
from builder.mistakes import MOST, Check, Mistake, guess, read, shown
from builder.model import Value
from builder.model.chroot import BaseRepository
from builder.model.difference import Change, ChangeKind
from builder.model.options import ChrootConditions, ChrootMacros
from builder.model.project import TIMEOUT, ChrootChoice, GitSource, Package, Packaging, Project, StepTimeouts, Style

VERBS = frozenset({"start", "list", "show", "cancel"})
"""What may follow `builder build`, so that `builder build NAME` is never ambiguous."""

LATER = frozenset({"on", "images", "notify", "test"})
"""Keys that are planned and not there yet."""

ADDRESSES = 16_384
"""The most characters that a project's external repositories have for their addresses."""

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_WORDS = {"true": True, "false": False}
_GIT_URL = re.compile(
    r"(?:(?:https?|git|ssh)://(?!-)[^\s/]+|file://(?=/)|[A-Za-z0-9._]+@[A-Za-z0-9][A-Za-z0-9.-]*:)[^\s\x00-\x1f\x7f]*"
)
_REF = re.compile(r"(?!-)[^\s\x00-\x1f\x7f~^:?*\[\\]+")
_PASSWORD = re.compile(r"https?://[^/@]*@|[a-z+]+://[^/@:]*:[^/@]*@")
"""What stands before the host in an address over HTTP is a secret, also without a colon; over ssh only behind one."""
_OPEN = re.compile(r"(?!https:|ssh:)[a-z]+://")
"""Over what a secret would not stay one, or is none."""
_REPOSITORY_URL = re.compile(r"(?:(?:https?|ftp)://(?!-)[^\s/]+|file://(?=/))[^\s\x00-\x1f\x7f]*")


def parse(
    text: str, chroots: Collection[str] | None = None, channels: Collection[str] | None = None
) -> tuple[Project, ...]:
    """Read a definition.

    Args:
        text: YAML, one document per project.
        chroots: the names of those the farm knows; None leaves the question to the farm.
        channels: likewise.

    Raises:
        InvalidError: with every mistake, each `line 12: …` and what would be right.
        TooLargeError: the text is too long to be looked at.
    """
    found = documents(text)
    if not found:
        raise InvalidError("line 1: no project is described; begin with `project: NAME`")
    mistakes: list[tuple[int, str]] = []
    projects: dict[str, Project] = {}
    lines: dict[str, int] = {}
    for document in found:
        project, own = _project(document, chroots, channels)
        mistakes += own
        name, line = _name(document)
        if name in lines:
            mistakes.append((line, f"the project `{name}` is described twice, first in line {lines[name]}"))
        elif name is not None:
            lines[name] = line
        if project is not None:
            projects[project.project] = project
        if len(mistakes) >= MOST:
            break
    if mistakes:
        raise InvalidError(*_sentences(mistakes))
    return tuple(projects.values())


def _name(document: Document) -> tuple[str | None, int]:
    name = document.data.get("project") if isinstance(document.data, dict) else None
    return name if isinstance(name, str) else None, document.line(("project",))


def _project(
    document: Document, chroots: Collection[str] | None, channels: Collection[str] | None
) -> tuple[Project | None, list[tuple[int, str]]]:
    """The project, if there is no mistake, and each mistake with its line."""
    checks: dict[type, Check] = {
        Project: functools.partial(_check_project, chroots),
        Package: functools.partial(_check_package, channels),
        ChrootChoice: _check_chroots,
        Packaging: _check_source,
        GitSource: _check_source,
        BaseRepository: _check_repository,
        ChrootMacros: check_macros,
        ChrootConditions: check_conditions,
    }
    data, copied = with_packaging(document.data)
    project, mistakes = read(data, Project, checks=checks, translate=_translate, later=LATER)
    told = [(document.line(mistake.place), mistake.text) for mistake in mistakes if mistake.place not in copied]
    for place, line in document.repeated[:MOST]:
        told.append((line, Mistake(place, f"stands twice, first in line {document.line(place)}").text))
    return project, told


def _sentences(mistakes: Iterable[tuple[int, str]]) -> Iterator[str]:
    ordered = sorted(mistakes, key=lambda mistake: mistake[0])
    for line, sentence in ordered[:MOST]:
        yield f"line {line}: {sentence}"
    if len(ordered) > MOST:
        yield "and more"


def _translate(wanted: inspect.Type, leaf: Any) -> Any:
    """A scalar's text as what the type wants, where it is written that way."""
    if not isinstance(leaf, str):
        return leaf
    if isinstance(wanted, inspect.Metadata) and (wanted.extra or {}).get("duration"):
        match = re.fullmatch(r"(\d{1,9})([smhd])", leaf, re.ASCII)
        return int(match[1]) * _UNITS[match[2]] if match else None
    match wanted.type if isinstance(wanted, inspect.Metadata) else wanted:
        case inspect.BoolType():
            return _WORDS.get(leaf, leaf)
        case inspect.IntType() if re.fullmatch(r"-?\d{1,18}", leaf, re.ASCII):
            return int(leaf)
        case _:
            return leaf


def _check_project(known: Collection[str] | None, fields: Mapping[str, Any]) -> Iterator[Mistake]:
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
        yield from check_chroots(fields, [chroot for chroot in chroots if chroot])


def _check_addresses(external: object) -> Iterator[Mistake]:
    """All of them travel in each order."""
    parts = external if isinstance(external, tuple) else ()
    if sum(len(part.url) for part in parts if isinstance(part, BaseRepository)) > ADDRESSES:
        yield Mistake(("external",), f"has addresses of more than {ADDRESSES} characters together")


def _names(fields: Mapping[str, Any], key: str) -> list[str | None]:
    """The names in a list, None for each that cannot be read; empty when there is no list."""
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


def _check_chroots(fields: Mapping[str, Any]) -> Iterator[Mistake]:
    yield from _repeated("include", _names(fields, "include"))
    yield from _repeated("exclude", _names(fields, "exclude"))
    if fields.get("include") == ():
        yield Mistake(("include",), "names no chroot; leave it out to build for all of the project's")
    if "include" in fields and "exclude" in fields:
        yield Mistake(("exclude",), "stands beside `include`: give one of them, they would say the same")


def _check_package(channels: Collection[str] | None, fields: Mapping[str, Any]) -> Iterator[Mistake]:
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
    """What may take longer than the whole would never be ended."""
    whole, steps = fields.get("timeout", TIMEOUT), fields.get("timeouts")
    limits: dict[tuple[str, ...], Any] = {("silence",): fields.get("silence")}
    if isinstance(steps, StepTimeouts):
        limits |= {("timeouts", name): getattr(steps, name) for name in StepTimeouts.__struct_fields__}
    for place, limit in limits.items():
        if isinstance(limit, int) and isinstance(whole, int) and limit > whole:
            yield Mistake(place, f"is longer than the whole may take (`timeout`, {_duration(whole)})")


def _check_source(fields: Mapping[str, Any]) -> Iterator[Mistake]:
    url, ref = fields.get("git"), fields.get("ref")
    yield from _check_secrets("git", url)
    if isinstance(url, str) and not _GIT_URL.fullmatch(url):
        wanted = "should be a git URL (https://…, http://…, ssh://…, git://…, file:///… or user@host:path)"
        yield Mistake(("git",), f"{wanted}, not {shown(url)}")
    if isinstance(ref, str) and not _REF.fullmatch(ref):
        yield Mistake(("ref",), f"should be a branch, tag or commit, not {shown(ref)}")
    if isinstance(url, str) and isinstance(fields.get("secret"), str) and _OPEN.match(url):
        yield Mistake(("secret",), "is for https and ssh alone: over anything else everybody on the way could read it")


def _check_repository(fields: Mapping[str, Any]) -> Iterator[Mistake]:
    url = fields.get("url")
    yield from _check_secrets("url", url)
    if isinstance(url, str) and not _REPOSITORY_URL.fullmatch(url):
        yield Mistake(("url",), f"should be a URL (https://…, http://…, ftp://… or file:///…), not {shown(url)}")


def _check_secrets(key: str, url: object) -> Iterator[Mistake]:
    """A definition is read by everybody; the sentence must not tell the secret either."""
    if isinstance(url, str) and _PASSWORD.match(url):
        yield Mistake((key,), "holds a password or token, which everybody could read: leave out what stands before `@`")


def _repeated(key: str, names: Sequence[str | None]) -> Iterator[Mistake]:
    for index, name in enumerate(names):
        if name is not None and name in names[:index]:
            yield Mistake((key, index), f"names `{name}` again")


def dump(projects: Iterable[Project]) -> str:
    """Write a definition that `parse` reads back to the same projects; what has its default value is left out."""
    plain = [_plain(project) for project in projects]
    return yaml.dump_all(
        plain,
        Dumper=yaml.CSafeDumper,
        sort_keys=False,
        default_flow_style=None,
        allow_unicode=True,
        width=120,
        explicit_start=len(plain) > 1,
    )


def _plain(value: Value) -> dict[str, Any]:
    """A value as the data that is written for it, without what has its default value."""
    plain = {}
    for field in _fields(type(value)):
        part = getattr(value, field.name)
        if field.required or part != _default(field):
            plain[field.encode_name] = _written(field.type, part)
    return plain


@functools.cache
def _fields(cls: type[Value]) -> tuple[inspect.Field, ...]:
    info = inspect.type_info(cls)
    assert isinstance(info, inspect.StructType)  # noqa: S101 - a Value is a struct
    return info.fields


def _default(field: inspect.Field) -> Any:
    return field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()


def _written(wanted: inspect.Type, part: Any) -> Any:
    if isinstance(wanted, inspect.UnionType):  # the only unions are `X | None`, and what is None is left out
        wanted = next(one for one in wanted.types if not isinstance(one, inspect.NoneType))
    if isinstance(wanted, inspect.Metadata) and (wanted.extra or {}).get("duration"):
        return _duration(part)
    match part:
        case Value():
            return _plain(part)
        case enum.Enum():
            return part.value
        case tuple():
            return [_written(wanted, item) for item in part]
        case dict():
            return {name: _written(wanted, item) for name, item in part.items()}
        case _:
            return part


def _duration(seconds: int) -> str:
    unit = next(unit for unit in ("d", "h", "m", "s") if seconds % _UNITS[unit] == 0)
    return f"{seconds // _UNITS[unit]}{unit}"


def difference(before: Project | None, after: Project) -> tuple[Change, ...]:
    """What applying `after` changes in a farm that has `before`: the project, its settings, then its packages."""
    what = f"project {after.project}"
    if before is None:
        settings: tuple[Change, ...] = (Change(what=what, kind=ChangeKind.ADDED),)
        old: Mapping[str, Package] = {}
    else:
        settings, old = _changed(what, before, after), before.packages
    packages: list[Change] = []
    for name in dict.fromkeys([*after.packages, *old]):
        what = f"package {after.project}/{name}"
        if name not in old:
            packages.append(Change(what=what, kind=ChangeKind.ADDED, after=_text(_plain(after.packages[name]))))
        elif name not in after.packages:
            packages.append(Change(what=what, kind=ChangeKind.REMOVED, before=_text(_plain(old[name]))))
        else:
            packages += _changed(what, old[name], after.packages[name])
    return (*settings, *packages)


def _changed(what: str, before: Value, after: Value) -> tuple[Change, ...]:
    """One change for each field that differs; a project's packages are compared apart."""
    return tuple(
        Change(
            what=f"{what}: {field.encode_name}",
            kind=ChangeKind.CHANGED,
            before=_setting(field, before),
            after=_setting(field, after),
        )
        for field in _fields(type(after))
        if field.name != "packages" and getattr(before, field.name) != getattr(after, field.name)
    )


def _setting(field: inspect.Field, value: Value) -> str | None:
    part = getattr(value, field.name)
    return None if part is None else _text(_written(field.type, part))


def _text(plain: Any) -> str:
    """Data in one line of YAML."""
    text = str(yaml.dump(plain, Dumper=yaml.CSafeDumper, sort_keys=False, default_flow_style=True, width=100_000))
    return text.removesuffix("\n").removesuffix("\n...")
