"""The farm's definition as text: the YAML in which people describe projects, read with every mistake and its line."""

import functools
import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from msgspec import inspect

from builder.errors import InvalidError
from builder.master.definition.checks import check_chroots, check_package, check_project, check_repository, check_source
from builder.master.definition.document import Document, documents
from builder.master.definition.in_upstream import with_packaging
from builder.master.definition.options import check_conditions, check_macros
from builder.master.definition.write import UNITS
from builder.mistakes import MOST, Check, Mistake, read
from builder.model.chroot import BaseRepository
from builder.model.options import ChrootConditions, ChrootMacros
from builder.model.package import ChrootChoice, GitSource, Package, Packaging
from builder.model.project import Project

LATER = frozenset({"on", "images", "notify", "test"})
"""Keys that are planned and not there yet."""

_WORDS = {"true": True, "false": False}


def parse(
    text: str, chroots: Collection[str] | None = None, channels: Collection[str] | None = None
) -> tuple[Project, ...]:
    """Read a definition.

    Args:
        text: YAML, one document per project.
        chroots: The names of the chroots that the farm knows; None leaves the question to the farm.
        channels: The names of its channels, likewise.

    Raises:
        InvalidError: With every mistake, each `line 12: …` and what would be right.
        TooLargeError: The text is too long to be looked at.
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
    """Return the project, if there is no mistake, and each mistake with its line."""
    checks: dict[type, Check] = {
        Project: functools.partial(check_project, chroots),
        Package: functools.partial(check_package, channels),
        ChrootChoice: check_chroots,
        Packaging: check_source,
        GitSource: check_source,
        BaseRepository: check_repository,
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
    """Return a scalar's text as the value that the type wants, where it is written that way."""
    if not isinstance(leaf, str):
        return leaf
    if isinstance(wanted, inspect.Metadata) and (wanted.extra or {}).get("duration"):
        match = re.fullmatch(r"(\d{1,9})([smhd])", leaf, re.ASCII)
        return int(match[1]) * UNITS[match[2]] if match else None
    match wanted.type if isinstance(wanted, inspect.Metadata) else wanted:
        case inspect.BoolType():
            return _WORDS.get(leaf, leaf)
        case inspect.IntType() if re.fullmatch(r"-?\d{1,18}", leaf, re.ASCII):
            return int(leaf)
        case _:
            return leaf
