"""Values for hypothesis, made from the declarations themselves: a new field or noun is covered as soon as it exists."""

from typing import Any, TypeVar

from hypothesis import strategies as st
from msgspec import inspect

from builder.model import Value

V = TypeVar("V", bound=Value)
LONGEST = 3
"""How much longer than it must be a collection gets, so that a value can still be read in a report."""
INT_MAX = 2**63 - 1


def values(kind: type[V]) -> st.SearchStrategy[V]:
    """Every value of a struct that its declaration allows."""
    return _of(inspect.type_info(kind))


def _of(info: inspect.Type) -> st.SearchStrategy[Any]:
    match info:
        case inspect.Metadata():
            return _of(info.type)
        case inspect.StructType():
            return st.builds(info.cls, **{field.name: _of(field.type) for field in info.fields})
        case inspect.UnionType():
            return st.one_of(*map(_of, info.types))
        case inspect.VarTupleType():
            least = info.min_length or 0
            most = least + LONGEST if info.max_length is None else min(info.max_length, least + LONGEST)
            return st.lists(_of(info.item_type), min_size=least, max_size=most).map(tuple)
        case inspect.DictType():
            return st.dictionaries(_of(info.key_type), _of(info.value_type), max_size=LONGEST)
        case _:
            return _scalar(info)


def _scalar(info: inspect.Type) -> st.SearchStrategy[Any]:
    match info:
        case inspect.EnumType():
            return st.sampled_from(list(info.cls))
        case inspect.IntType():
            least = -INT_MAX if info.ge is None else info.ge
            return st.integers(least, INT_MAX if info.le is None else info.le)
        case inspect.FloatType():
            return st.floats(info.ge, info.le, allow_nan=False)
        case inspect.StrType():
            return st.text(max_size=20) if info.pattern is None else _matching(info.pattern, info.max_length)
        case _:
            return _PLAIN[type(info)]


def _matching(pattern: str, longest: int | None) -> st.SearchStrategy[str]:
    texts = st.from_regex(pattern.replace("$", r"\Z"))
    return texts if longest is None else texts.filter(lambda text: len(text) <= longest)


_PLAIN: dict[type[inspect.Type], st.SearchStrategy[Any]] = {
    inspect.NoneType: st.none(),
    inspect.BoolType: st.booleans(),
    inspect.BytesType: st.binary(max_size=100),
}
