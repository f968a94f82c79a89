"""The text of a definition, for people to edit, and the part of it that stands for one value."""

import enum
import functools
from collections.abc import Iterable
from typing import Any

import msgspec
import yaml
from msgspec import inspect

from builder.model import Value
from builder.model.project import Project

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
"""Seconds in each unit in which people write durations."""


def dump(projects: Iterable[Project]) -> str:
    """Write a definition that `text.parse` reads back to the same projects.

    Values that are the default are left out.
    """
    documents = [plain(project) for project in projects]
    return yaml.dump_all(
        documents,
        Dumper=yaml.CSafeDumper,
        sort_keys=False,
        default_flow_style=None,
        allow_unicode=True,
        width=120,
        explicit_start=len(documents) > 1,
    )


def plain(value: Value) -> dict[str, Any]:
    """Return a value as the data that is written for it, without what has its default value."""
    data = {}
    for field in fields(type(value)):
        part = getattr(value, field.name)
        if field.required or part != _default(field):
            data[field.encode_name] = written(field.type, part)
    return data


@functools.cache
def fields(cls: type[Value]) -> tuple[inspect.Field, ...]:
    """Return the fields of a value's type, with their types and defaults."""
    info = inspect.type_info(cls)
    assert isinstance(info, inspect.StructType)  # noqa: S101 - a Value is a struct
    return info.fields


def _default(field: inspect.Field) -> Any:
    return field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()


def written(wanted: inspect.Type, part: Any) -> Any:
    """Return a field of type `wanted` as the data that is written for it."""
    if isinstance(wanted, inspect.UnionType):  # the only unions are `X | None`, and what is None is left out
        wanted = next(one for one in wanted.types if not isinstance(one, inspect.NoneType))
    if isinstance(wanted, inspect.Metadata) and (wanted.extra or {}).get("duration"):
        return duration(part)
    match part:
        case Value():
            return plain(part)
        case enum.Enum():
            return part.value
        case tuple():
            return [written(wanted, item) for item in part]
        case dict():
            return {name: written(wanted, item) for name, item in part.items()}
        case _:
            return part


def duration(seconds: int) -> str:
    """Return seconds as people write them, in the largest unit that makes a whole number: `90s`, `15m`, `2h`, `1d`."""
    unit = next(unit for unit in ("d", "h", "m", "s") if seconds % UNITS[unit] == 0)
    return f"{seconds // UNITS[unit]}{unit}"
