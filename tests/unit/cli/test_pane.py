"""The log of an attempt on the screen."""

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from builder.cli.answers import Step
from builder.cli.pane import LONGEST_LINE, Pane


def step(name: str, offset: int) -> Step:
    return Step(name=name, log_offset=offset, started=1.0, finished=None, ok=None)


LOG = b"cloning\nwrote x.src.rpm\ninstalling\ncompiling\n"
STEPS = [step("fetch", 0), step("srpm", 8), step("chroot", 24), step("build", 35)]
SHOWN = [
    "==> job: fetch",
    "cloning",
    "==> job: srpm",
    "wrote x.src.rpm",
    "==> job: chroot",
    "installing",
    "==> job: build",
    "compiling",
]


@given(st.lists(st.integers(0, len(LOG)), max_size=8), st.data())
def test_headings_stand_where_their_step_begins(cuts: Sequence[int], data: st.DataObject) -> None:
    """However log and steps arrive, as long as a step is known before its log, the screen is the same."""
    shown: list[str] = []
    pane = Pane(shown.append, "job")
    places = sorted({0, *cuts, len(LOG)})
    for start, end in pairwise(places):
        begun = [one for one in STEPS if one["log_offset"] < end]
        known = data.draw(st.integers(len(begun), len(STEPS)))
        pane.steps(STEPS[:known])
        pane.log(LOG[start:end])
    pane.steps(STEPS)
    pane.close()
    assert shown == SHOWN


def test_a_step_known_late_loses_no_line() -> None:
    """A heading that comes after its log is late, and everything is shown."""
    shown: list[str] = []
    pane = Pane(shown.append, "job")
    pane.log(LOG)
    pane.steps(STEPS)
    assert sorted(shown) == sorted(SHOWN)


def test_lines_are_whole_and_harmless() -> None:
    """Escape sequences other than colours, bad UTF-8 and progress by carriage return do nothing to the terminal."""
    shown: list[str] = []
    pane = Pane(shown.append, "job", "job| ")
    pane.log(b"\x1b[31mred\x1b[0m \x1b]0;title\x07\nnot \xff utf-8\n 10%\r 50%\r100%\ncr\r\nlast, without end")
    pane.close()
    assert shown == [
        "job| \x1b[31mred\x1b[0m \N{REPLACEMENT CHARACTER}]0;title\N{REPLACEMENT CHARACTER}",
        "job| not \N{REPLACEMENT CHARACTER} utf-8",
        "job| 100%",
        "job| cr",
        "job| last, without end",
    ]


def test_a_line_without_end_is_shown_in_pieces() -> None:
    """A log that is one endless line does not fill the memory."""
    shown: list[str] = []
    pane = Pane(shown.append, "job")
    for _ in range(LONGEST_LINE):
        pane.log(b"abc")
    assert sum(map(len, shown)) >= 2 * LONGEST_LINE
