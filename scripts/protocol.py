"""Write the second half of docs/protocol.md from builder/wire.py: run it after a change there or in builder/model.

The first half, up to the heading "Requests", is written by hand. A test tells when this was forgotten.
"""

import inspect as python
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import NODEFAULT, UNSET, inspect

from builder.model import LABEL_PATTERN, Value
from builder.wire import REQUESTS, Request, Role

PAGE = Path(__file__).parents[1] / "docs" / "protocol.md"
BEGIN = "## Requests\n"
NOTE = """\
From here on written by `python scripts/protocol.py` from `builder/wire.py`. A field with a default may be left out.
A *label* is a string of at most 128 characters like `{}`.
"""
ROLES = {Role.MASTER: "the master", Role.SLAVE: "a slave", Role.REPO: "the repository builder"}

PLAIN: dict[type[inspect.Type], str] = {
    inspect.BytesType: "binary",
    inspect.BoolType: "boolean",
    inspect.FloatType: "float",
    inspect.NoneType: "nil",
}


def page() -> str:
    """The whole page."""
    by_hand, found, _ = PAGE.read_text().partition(BEGIN)
    assert found, f"{PAGE} has no heading {BEGIN!r}"
    nouns = sorted(set(_nouns()), key=lambda kind: kind.__name__)
    return by_hand + "\n".join(
        (
            BEGIN,
            NOTE.format(_readable(LABEL_PATTERN)),
            *map(_request, REQUESTS),
            "## Values\n",
            "Maps that are answers, or parts of requests.\n",
            *map(_value, nouns),
        )
    )


def _request(kind: type[Request[Any]]) -> str:
    senders = "anybody" if kind.senders == frozenset(Role) else " or ".join(ROLES[role] for role in kind.senders)
    errors = ", ".join(f"`{error.tag.decode()}`" for error in kind.failures)
    facts = [f"Sent by {senders}.", f"Answer: `{kind.answer.__name__}`."] + ([f"Errors: {errors}."] if errors else [])
    return f"### {kind.__name__}\n\n{' '.join(facts)}\n\n{_prose(kind)}\n{_fields(kind)}"


def _value(kind: type[Value]) -> str:
    return f"### {kind.__name__}\n\n{_prose(kind)}\n{_fields(kind)}"


def _prose(kind: type) -> str:
    """The class's own words; errors are called by their tags here."""
    return re.sub(r"`(\w+)Error`", lambda found: f"`{_tag(found[1])}`", python.cleandoc(kind.__doc__ or "")) + "\n"


def _tag(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).upper()


def _fields(kind: type) -> str:
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    rows = [("type", f'"{info.tag}"', "")] if info.tag else []
    rows += [(field.encode_name, _type(field.type), _default(field)) for field in info.fields]
    if not rows:
        return "It has no fields.\n"
    lines = [f"| `{name}` | {type_} | {default} |" for name, type_, default in rows]
    return "\n".join(["| field | type | default |", "|---|---|---|", *lines]) + "\n"


def _default(field: inspect.Field) -> str:
    default = field.default_factory() if field.default_factory is not NODEFAULT else field.default
    match default:
        case value if value is NODEFAULT or value is UNSET:
            return ""
        case None:
            return "nil"
        case bool() | str() | int():
            return f"`{default!r}`".replace("'", '"').replace("False", "false").replace("True", "true")
        case _:
            return "empty" if not default else "its own defaults"


def _type(info: inspect.Type) -> str:
    match info:
        case inspect.Metadata():
            text = _type(info.type)
        case inspect.UnionType():
            text = " or ".join(map(_type, info.types))
        case inspect.StructType():
            text = f"[{info.cls.__name__}](#{info.cls.__name__.lower()})"
        case inspect.VarTupleType():
            text = f"array{_bounds(info.min_length, info.max_length)}: {_type(info.item_type)}"
        case inspect.DictType():
            bounds = _bounds(info.min_length, info.max_length)
            text = f"map{bounds}: {_type(info.key_type)} to {_type(info.value_type)}"
        case _:
            text = _scalar(info)
    return text


def _scalar(info: inspect.Type) -> str:
    match info:
        case inspect.EnumType():
            return ", ".join(f'"{member.value}"' for member in info.cls)
        case inspect.StrType(pattern=pattern) if pattern == LABEL_PATTERN:
            return "label"
        case inspect.StrType():
            pattern = f" like `{_readable(info.pattern)}`" if info.pattern else ""
            return f"string{_bounds(None, info.max_length)}{pattern}"
        case inspect.IntType():
            return f"integer{_bounds(info.ge, info.le)}"
        case _:
            return PLAIN[type(info)]


def _readable(pattern: str) -> str:
    """A pattern as most languages write it; Python has its own word for the end."""
    return pattern.replace(r"\Z", "$")


def _bounds(least: int | None, most: int | None) -> str:
    match least, most:
        case None, None:
            return ""
        case _, None:
            return f", at least {least}"
        case None, _:
            return f", at most {most}"
        case _:
            return f", {least} to {most}"


def _nouns() -> Iterator[type[Value]]:
    """The structs that requests and answers are made of, other than the requests."""
    for request in REQUESTS:
        yield from _structs(inspect.type_info(request))
        yield request.answer
        yield from _structs(inspect.type_info(request.answer))


def _structs(info: inspect.Type) -> Iterator[type[Value]]:
    match info:
        case inspect.StructType():
            if issubclass(info.cls, Value) and not issubclass(info.cls, Request):
                yield info.cls
            for field in info.fields:
                yield from _structs(field.type)
        case inspect.UnionType():
            for part in info.types:
                yield from _structs(part)
        case inspect.VarTupleType():
            yield from _structs(info.item_type)
        case inspect.Metadata():
            yield from _structs(info.type)
        case _:
            pass


if __name__ == "__main__":
    PAGE.write_text(page())
