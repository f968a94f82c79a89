"""Ranges and preconditions, by the examples of RFC 9110 and by property."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.web.conditions import Evaluation, Part, Version, wanted
from builder.web.visit import Conditions

VERSION = Version(etag='"abc"', modified=784111777, size=10000)
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"


def test_time_is_written_as_http_writes_it() -> None:
    """The example of RFC 9110, section 5.6.7."""
    assert VERSION.last_modified == DATE


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bytes=0-499", Part(start=0, stop=500)),
        ("bytes=500-999", Part(start=500, stop=1000)),
        ("bytes=-500", Part(start=9500, stop=10000)),
        ("bytes=9500-", Part(start=9500, stop=10000)),
        ("bytes=9999-20000", Part(start=9999, stop=10000)),
        ("bytes=-20000", Part(start=0, stop=10000)),
        ("bytes=10000-", Evaluation.UNSATISFIABLE),
        ("bytes=-0", Evaluation.UNSATISFIABLE),
        ("bytes=5-2", Evaluation.WHOLE),
        ("bytes=-", Evaluation.WHOLE),
        ("bytes=0-0,-1", Evaluation.WHOLE),
        ("lines=1-2", Evaluation.WHOLE),
        ("nonsense", Evaluation.WHOLE),
    ],
)
def test_ranges(text: str, expected: Part | Evaluation) -> None:
    """One range of bytes is answered; what is not understood, or asks for several, is answered with the whole."""
    assert wanted(Conditions(range=text), VERSION) == expected


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        (Conditions(none_match='"abc"'), Evaluation.NOT_MODIFIED),
        (Conditions(none_match='W/"abc"'), Evaluation.NOT_MODIFIED),
        (Conditions(none_match='"x", "abc"'), Evaluation.NOT_MODIFIED),
        (Conditions(none_match="*"), Evaluation.NOT_MODIFIED),
        (Conditions(none_match='"x"'), Evaluation.WHOLE),
        (Conditions(none_match='"x"', modified_since=DATE), Evaluation.WHOLE),
        (Conditions(modified_since=DATE), Evaluation.NOT_MODIFIED),
        (Conditions(modified_since="Sun, 06 Nov 1994 08:49:36 GMT"), Evaluation.WHOLE),
        (Conditions(modified_since="yesterday"), Evaluation.WHOLE),
        (Conditions(none_match='"abc"', range="bytes=0-1"), Evaluation.NOT_MODIFIED),
        (Conditions(range="bytes=0-1", if_range='"abc"'), Part(start=0, stop=2)),
        (Conditions(range="bytes=0-1", if_range=DATE), Part(start=0, stop=2)),
        (Conditions(range="bytes=0-1", if_range='"older"'), Evaluation.WHOLE),
        (Conditions(range="bytes=0-1", if_range='W/"abc"'), Evaluation.WHOLE),
    ],
)
def test_preconditions(conditions: Conditions, expected: Part | Evaluation) -> None:
    """An entity tag goes before a date; a range is only taken of what the client already has part of."""
    assert wanted(conditions, VERSION) == expected


@given(st.integers(0, 50), st.text(alphabet="bytes=-0123456789, ", max_size=20) | st.from_regex(r"bytes=\d?\d?-\d?\d?"))
def test_a_part_is_always_inside(size: int, text: str) -> None:
    """Whatever is asked for, no part is empty or reaches over the file's ends."""
    match wanted(Conditions(range=text), Version(etag='"x"', modified=0, size=size)):
        case Part(start=start, stop=stop):
            assert 0 <= start < stop <= size
        case verdict:
            assert verdict in {Evaluation.WHOLE, Evaluation.UNSATISFIABLE}
