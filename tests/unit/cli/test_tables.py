"""What the command line prints."""

import io

import pytest
from typing_extensions import override

from builder.cli import tables


class Terminal(io.StringIO):
    """A terminal that remembers."""

    @override
    def isatty(self) -> bool:
        return True


ROWS = [(17, "succeeded", "a\nb"), (4, "running", "")]


def test_a_terminal_gets_aligned_columns_with_headings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns begin below their headings; NO_COLOR keeps colours away."""
    monkeypatch.setenv("NO_COLOR", "1")
    out = Terminal()
    tables.table(("BUILD", "STATE", "REASON"), ROWS, out)
    assert out.getvalue() == "BUILD  STATE      REASON\n17     succeeded  a b\n4      running\n"


def test_a_pipe_gets_tabs_and_no_headings() -> None:
    """Other programs get one line per row, the same number of columns in each, and no colours."""
    out = io.StringIO()
    tables.table(("BUILD", "STATE", "REASON"), ROWS, out)
    assert out.getvalue() == "17\tsucceeded\ta b\n4\trunning\t\n"


@pytest.mark.parametrize(
    ("out", "environment", "colours"),
    [
        (Terminal(), {"TERM": "xterm"}, True),
        (Terminal(), {"TERM": "dumb"}, False),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (Terminal(), {"NO_COLOR": ""}, True),
        (io.StringIO(), {}, False),
    ],
)
def test_colours_are_for_terminals_whose_owner_wants_them(
    out: io.StringIO, environment: dict[str, str], colours: bool
) -> None:
    """Never in a pipe, never with NO_COLOR."""
    assert tables.coloured(out, environment) is colours


def test_a_state_has_its_colour_and_other_words_have_none() -> None:
    """Green, red and so on for states; nothing else is touched."""
    assert tables.paint("failed", colours=True) == "\x1b[31mfailed\x1b[0m"
    assert tables.paint("failed", colours=False) == "failed"
    assert tables.paint("hello", colours=True) == "hello"


@pytest.mark.parametrize(
    ("end", "told"),
    [
        (None, ""),
        (14.21, "4.2s"),
        (9.0, "0.0s"),
        (69.9, "59.9s"),
        (70.0, "1m00s"),
        (3609.6, "1h00m"),
        (7330.0, "2h02m"),
    ],
)
def test_how_long_something_took(end: float | None, told: str) -> None:
    """Two units at most, and nothing while it goes on."""
    assert tables.lasting(10.0, end) == told
