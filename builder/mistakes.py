"""Mistakes: plain data is read into a value, with every mistake named.

A decoder stops at the first mistake; a person who wrote a configuration wants all of them, each with its place and
what would be right there. `read` walks the data along the type of the wanted value and gathers them. Rules that a
type cannot say (one key needs another, a file must be readable) are checks: functions over the fields of one struct
that could be read.
"""

import contextlib
import difflib
import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from msgspec import inspect

T = TypeVar("T")
Place = tuple[str | int, ...]
"""The keys and indexes that lead to a part of the data."""

UNREADABLE: Final = object()
"""The value that a check sees for a part that was given but has mistakes."""

MOST = 100
"""Most mistakes that are gathered: more help nobody, and must not cost much."""


class Mistake(NamedTuple):
    """A mistake at one place; `sentence` goes on from the place's name."""

    place: Place
    sentence: str

    @property
    def text(self) -> str:
        """The whole sentence."""
        subject = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in self.place).removeprefix(".")
        return f"`{subject}` {self.sentence}" if subject else f"this {self.sentence}"


Check = Callable[[Mapping[str, Any]], Iterable[Mistake]]
"""A function that yields the mistakes in the fields of a struct, with places relative to it."""

Translation = Callable[[inspect.Type, Any], Any]
"""A function that turns what was written into what the type wants, or returns it as it is."""


def read(
    data: object,
    wanted: type[T],
    *,
    checks: Mapping[type, Check] | None = None,
    translate: Translation | None = None,
    later: Collection[str] = (),
) -> tuple[T | None, list[Mistake]]:
    """Return the value of the type `wanted` that `data` stands for.

    Args:
        data: Dictionaries, lists and scalars, as a parser of TOML or YAML gives them.
        wanted: A msgspec struct.
        checks: The checks of each struct: what its type cannot say.
        translate: For parsers that leave scalars as text.
        later: Keys that are planned; they are refused with that explanation.

    Returns:
        The value, and nothing, or None and the mistakes, at most `MOST`.
    """
    reader = _Reader(checks or {}, translate or (lambda _, leaf: leaf), later)
    with contextlib.suppress(_EnoughError):
        value = reader.value(inspect.type_info(wanted), data, ())
        if not reader.mistakes:
            return value, []
    return None, reader.mistakes


def guess(word: str, known: Collection[str]) -> str:
    """Return the end of a sentence about an unknown word: which one was probably meant, or which there are."""
    close = difflib.get_close_matches(word, known, n=1)
    if close:
        return f"; did you mean `{close[0]}`?"
    if not known:
        return "; there is none"
    names = [f"`{name}`" for name in sorted(known)]
    return f"; there is {', '.join(names[:10])}{' and more' if len(names) > 10 else ''}"


def shown(data: object) -> str:
    """Return a piece of wrong data, short enough for a sentence."""
    match data:
        case None:
            return "nothing"
        case bool():
            return f"`{str(data).lower()}`"
        case dict():
            return "a group of keys"
        case list():
            return "a list"
        case _:
            text = str(data)
            return f"`{text if len(text) <= 60 else text[:57] + '…'}`"


class _EnoughError(Exception):
    """The end of the walk, since there are so many mistakes."""


class _Reader:
    """A walk: a struct or leaf with a mistake becomes `UNREADABLE`, lists and dictionaries keep their other parts."""

    def __init__(self, checks: Mapping[type, Check], translate: Translation, later: Collection[str]) -> None:
        self.mistakes: list[Mistake] = []
        self._checks = checks
        self._translate = translate
        self._later = later

    def value(self, wanted: inspect.Type, data: Any, place: Place) -> Any:
        given, data = data, self._translate(wanted, data)
        match _bare(wanted):
            case inspect.StructType() as struct if isinstance(data, dict):
                return self._struct(struct, data, place)
            case inspect.DictType() as mapping if isinstance(data, dict):
                return self._dict(mapping, data, place)
            case inspect.VarTupleType() as items if isinstance(data, list):
                return self._tuple(items, data, place)
            case inspect.UnionType() as union:  # the only unions are `X | None`, and None is written by leaving it out
                (inner,) = (one for one in union.types if not isinstance(one, inspect.NoneType))
                return self.value(inner, data, place)
            case bare if _fault(bare, data):
                return self._wrong(place, f"should be {right(wanted)}, not {shown(given)}")
            case bare:
                return _made(bare, data)

    def _wrong(self, place: Place, sentence: str) -> object:
        self.mistakes.append(Mistake(place, sentence))
        if len(self.mistakes) == MOST:
            raise _EnoughError
        return UNREADABLE

    def _struct(self, wanted: inspect.StructType, data: dict[str, Any], place: Place) -> Any:
        before = len(self.mistakes)
        fields = {field.encode_name: field for field in wanted.fields}
        read: dict[str, Any] = {}
        for key, part in data.items():
            if key in fields:
                read[key] = self.value(fields[key].type, part, (*place, key))
            else:
                self._unknown(key, place, fields)
        for name, field in fields.items():
            if field.required and name not in data:
                read[name] = self._wrong((*place, name), f"is missing; it should be {right(field.type)}")
        if wanted.cls in self._checks:
            for mistake in self._checks[wanted.cls](read):
                self._wrong(place + mistake.place, mistake.sentence)
        if len(self.mistakes) > before:
            return UNREADABLE
        return wanted.cls(**{fields[key].name: part for key, part in read.items()})

    def _unknown(self, key: str, place: Place, known: Collection[str]) -> None:
        if key in self._later:
            self._wrong((*place, key), "is not supported by this version yet; leave it out")
        else:
            self._wrong((*place, key), f"is not known here{guess(key, known)}")

    def _dict(self, wanted: inspect.DictType, data: dict[str, Any], place: Place) -> Any:
        if wanted.max_length is not None and len(data) > wanted.max_length:
            return self._wrong(place, f"should have at most {wanted.max_length} entries, not {len(data)}")
        for key in data:
            if _fault(wanted.key_type, key):
                self._wrong((*place, key), f"is not {right(wanted.key_type)}")
        return {key: self.value(wanted.value_type, part, (*place, key)) for key, part in data.items()}

    def _tuple(self, wanted: inspect.VarTupleType, data: list[Any], place: Place) -> Any:
        if len(data) < (wanted.min_length or 0):
            return self._wrong(place, f"should not be empty; it should be {right(wanted)}")
        if wanted.max_length is not None and len(data) > wanted.max_length:
            return self._wrong(place, f"should have at most {wanted.max_length} entries, not {len(data)}")
        return tuple(self.value(wanted.item_type, part, (*place, index)) for index, part in enumerate(data))


def _bare(wanted: inspect.Type) -> inspect.Type:
    return wanted.type if isinstance(wanted, inspect.Metadata) else wanted


def _made(wanted: inspect.Type, leaf: Any) -> Any:
    """Return the value of a leaf without fault."""
    match wanted:
        case inspect.EnumType() | inspect.CustomType():
            return wanted.cls(leaf)
        case inspect.FloatType():
            return float(leaf)
        case _:
            return leaf


def _fault(wanted: inspect.Type, leaf: Any) -> bool:
    """Tell if a leaf is not what the type wants."""
    match _bare(wanted):
        case inspect.StrType() as text:
            return not isinstance(leaf, str) or not _fits(text, leaf)
        case inspect.BoolType():
            return not isinstance(leaf, bool)
        case inspect.IntType() as number:
            return type(leaf) is not int or not _in_range(number, leaf)
        case inspect.FloatType() as number:
            return type(leaf) not in {int, float} or not _in_range(number, leaf)
        case inspect.EnumType(cls=choices):
            return leaf not in [choice.value for choice in choices]
        case bare:
            path = isinstance(bare, inspect.CustomType) and bare.cls is Path
            return not path or not isinstance(leaf, str) or not leaf or "\0" in leaf


def _fits(wanted: inspect.StrType, text: str) -> bool:
    short = wanted.max_length is None or len(text) <= wanted.max_length
    return short and (wanted.pattern is None or re.search(wanted.pattern, text) is not None)


def _in_range(wanted: inspect.IntType | inspect.FloatType, number: float) -> bool:
    return (
        math.isfinite(number)
        and (wanted.ge is None or number >= wanted.ge)
        and (wanted.gt is None or number > wanted.gt)
        and (wanted.le is None or number <= wanted.le)
        and (wanted.lt is None or number < wanted.lt)
    )


def right(wanted: inspect.Type) -> str:
    """Return what would be right for a type, in words; a type's own description wins."""
    if isinstance(wanted, inspect.Metadata) and "description" in (wanted.extra_json_schema or {}):
        return str((wanted.extra_json_schema or {})["description"])
    match _bare(wanted):
        case inspect.UnionType() as union:
            words = " or ".join(right(one) for one in union.types if not isinstance(one, inspect.NoneType))
        case inspect.IntType() as number:
            words = f"a whole number{_range(number)}"
        case inspect.FloatType() as number:
            words = f"a number{_range(number)}"
        case inspect.EnumType(cls=choices):
            words = " or ".join(f"`{choice.value}`" for choice in choices)
        case inspect.VarTupleType(item_type=item):
            words = f"a list, each {right(item)}"
        case inspect.StructType(fields=fields):
            words = f"a group of keys ({', '.join(f'`{field.encode_name}`' for field in fields)})"
        case bare:
            words = _WORDS[type(bare)]
    return words


_WORDS = {
    inspect.BoolType: "`true` or `false`",
    inspect.CustomType: "the path of a file or folder",
    inspect.DictType: "a group of names, each with its keys",
    inspect.StrType: "text",
}


def _range(number: inspect.IntType | inspect.FloatType) -> str:
    if number.ge is not None and number.le is not None:
        return f" from {number.ge} to {number.le}"
    if number.ge is not None:
        return f" of at least {number.ge}"
    if number.le is not None:
        return f" of at most {number.le}"
    return f" above {number.gt}" if number.gt is not None else ""
