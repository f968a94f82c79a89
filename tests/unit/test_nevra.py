import subprocess
import sys

import pytest
import rpm
from hypothesis import given, settings
from hypothesis import strategies as st

from builder import nevra
from builder.errors import InvalidError
from builder.nevra import Evr, Nevra

segments = st.text("019abZ.+_~^", min_size=1, max_size=6)
evrs = st.builds(Evr, st.integers(0, 3), segments, segments)
names = st.from_regex(r"[a-z0-9+_.]{1,5}(-[a-z0-9+_.]{1,5}){0,2}", fullmatch=True)
nevras = st.builds(Nevra, names, evrs, st.sampled_from(["x86_64", "noarch", "src"]))


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("1.0-1", "1.0-2"),
        ("1.9-1", "1.10-1"),
        ("2.0-1", "1:1.0-1"),
        ("1.0~rc1-1", "1.0-1"),
        ("1.0-1", "1.0^20260101-1"),
        ("1.0^20260101-1", "1.0.1-1"),
        ("1.0-1.fc42", "1.0-1.fc43"),
        ("1.0-20260101.9gitfff", "1.0-20260101.10git000"),
        ("1.0a-1", "1.0.1-1"),
        ("1.0-1", "1.0a-1"),
        ("1.0^-1", "1.0a-1"),
        ("1.0~~-1", "1.0~-1"),
        ("1.0-1~rc1", "1.0-1"),
        ("9999999999999999999-1", "10000000000000000000-1"),
    ],
)
def test_order_is_rpms(older: str, newer: str) -> None:
    """Epochs, numbers, tildes and carets sort as rpm sorts them."""
    assert nevra.compare(older, newer) < 0
    assert nevra.compare(newer, older) > 0


@given(st.lists(st.tuples(evrs, evrs), min_size=20, max_size=20))
@settings(max_examples=10, deadline=None)
def test_order_is_that_of_the_program_rpm(pairs: list[tuple[Evr, Evr]]) -> None:
    """Whatever versions there are, what the farm holds for newer is what a client's rpm installs."""
    questions = " ".join(f"print(rpm.vercmp({_lua(a)}, {_lua(b)}), ' ')" for a, b in pairs)
    command = ["rpm", "--eval", f"%{{lua: {questions}}}"]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    assert [int(word) for word in answer.split()] == [nevra.compare(a.text, b.text) for a, b in pairs]


@given(evrs, evrs)
def test_order_is_that_of_rpms_own_bindings(a: Evr, b: Evr) -> None:
    """The library that compares versions everywhere else agrees about each pair."""
    labels = [(str(one.epoch), one.version, one.release) for one in (a, b)]
    assert nevra.compare(a.text, b.text) == rpm.labelCompare(*labels)


def _lua(evr: Evr) -> str:
    """Written with its epoch, be it 0."""
    return f"'{evr.epoch}:{evr.version}-{evr.release}'"


@given(evrs)
def test_an_evr_equals_itself_with_and_without_its_zero_epoch(evr: Evr) -> None:
    """A missing epoch is the epoch 0."""
    assert nevra.compare(evr.text, f"{evr.epoch}:{evr.version}-{evr.release}") == 0


@given(evrs, evrs)
def test_comparison_is_antisymmetric(a: Evr, b: Evr) -> None:
    """Of two EVRs, one is newer than the other exactly when the other is older."""
    assert nevra.compare(a.text, b.text) == -nevra.compare(b.text, a.text)


@given(st.lists(evrs, min_size=3, max_size=3))
def test_comparison_is_transitive(three: list[Evr]) -> None:
    """Sorted EVRs are in order pairwise, not only between neighbours."""
    first, second, third = sorted((evr.text for evr in three), key=nevra.newest_last)
    assert nevra.compare(first, second) <= 0
    assert nevra.compare(second, third) <= 0
    assert nevra.compare(first, third) <= 0


@pytest.mark.parametrize(("one", "other"), [("1.0-1", "1_0-1"), ("1.0-1", "001.0-01"), ("1.0-1", "1.0.-1+")])
def test_what_rpm_holds_for_equal(one: str, other: str) -> None:
    """Separators only separate, and zeros before a number say nothing."""
    assert nevra.compare(one, other) == 0


@pytest.mark.parametrize(
    "text", ["1\0-1", "1\n-1", "\N{SUPERSCRIPT TWO}-1", "1/2-1", f"{'9' * 5000}:1-1", f"1-{'1' * 129}", "-1", "1-"]
)
def test_what_rpm_cannot_compare_is_no_evr(text: str) -> None:
    """Whatever somebody says that a version is, it is refused when it is read, not when it is compared."""
    with pytest.raises(InvalidError, match="is no EVR"):
        nevra.parse_evr(text)
    with pytest.raises(InvalidError, match="is no NEVRA"):
        nevra.parse(f"hello-{text}.x86_64")


@given(nevras)
def test_nevra_survives_writing_and_parsing(written: Nevra) -> None:
    """What is written as text is read back the same."""
    assert nevra.parse(written.text) == written


@given(evrs)
def test_evr_survives_writing_and_parsing(evr: Evr) -> None:
    """What is written as text is read back the same."""
    assert nevra.parse_evr(evr.text) == evr


@pytest.mark.parametrize("text", ["", "1.0", "x:1-1", "1-1-1", "1 -1", ":1-1", "1-"])
def test_what_is_no_evr_is_refused_with_the_text(text: str) -> None:
    """A wrong EVR is named in the error."""
    with pytest.raises(InvalidError, match="is no EVR"):
        nevra.parse_evr(text)


@pytest.mark.parametrize("text", ["", "hello", "hello-1.0", "hello-1.0-1", "hello-1.0-1."])
def test_what_is_no_nevra_is_refused_with_the_text(text: str) -> None:
    """A wrong NEVRA is named in the error."""
    with pytest.raises(InvalidError, match="is no NEVRA"):
        nevra.parse(text)


def test_rpm_is_not_loaded() -> None:
    """Whoever parses or compares what strangers say does it without rpm's library."""
    work = "nevra.parse('a-1-1.src'); nevra.compare('1-1', '2-1')"
    code = f"import sys; from builder import nevra; {work}; sys.exit('rpm' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
