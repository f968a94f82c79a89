"""What a page shows of a log, whatever is in it."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.web.pages.tail import shown, tail

DIRECTIONS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"plain\n", "plain\n"),
        (b"a\r\nb\rc\n", "a\nb\nc\n"),
        (b"\x1b[1;31mred\x1b[0m", "red"),
        (b"\x1b]0;title\x07text", "text"),
        (b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        (b"\x1b(Btext\x1b=", "text"),
        (b"a\x00b\x07c", "a\ufffdb\ufffdc"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        ("safe \u202e gnirts".encode(), "safe \ufffd gnirts"),
        ("á\tb".encode(), "á\tb"),
    ],
)
def test_effects_are_taken_out(data: bytes, text: str) -> None:
    """Terminals' commands vanish, other controls and changes of direction are shown as what they are: nothing good."""
    assert shown(data) == text


@given(st.binary())
def test_nothing_harmful_is_left(data: bytes) -> None:
    """No byte of a log becomes a control character but tab and line feed, or a change of direction."""
    for character in shown(data):
        assert character in "\t\n" or unicodedata.category(character) != "Cc"
        assert unicodedata.bidirectional(character) not in {
            "LRE",
            "RLE",
            "LRO",
            "RLO",
            "PDF",
            "LRI",
            "RLI",
            "FSI",
            "PDI",
        }


def test_the_last_lines() -> None:
    """As many lines as are asked for, counted from the end; whether that is all is said."""
    log = b"".join(b"%d\n" % number for number in range(10))
    assert tail(log, whole=True, lines=3).text == "7\n8\n9\n"
    assert not tail(log, whole=True, lines=3).whole
    assert tail(log, whole=True, lines=10).text == log.decode()
    assert tail(log, whole=True, lines=10).whole


def test_a_cut_beginning_is_left_out() -> None:
    """Where the log was cut in the middle of a line, the next line is the first."""
    assert tail(b"rest of a line\nnext\n", whole=False).text == "next\n"
    assert tail(b"one endless line", whole=False).text == "one endless line"
    assert not tail(b"a\nb", whole=False).whole


@given(st.lists(st.sampled_from(["a", "", "b c"]), max_size=30), st.integers(1, 40))
def test_no_more_lines_than_allowed(lines: list[str], most: int) -> None:
    """The tail is the end of the log, and no longer than allowed."""
    text = "\n".join(lines)
    shown_part = tail(text.encode(), whole=True, lines=most).text
    assert text.removesuffix("\n").endswith(shown_part.removesuffix("\n"))
    assert len(shown_part.removesuffix("\n").split("\n")) <= most
