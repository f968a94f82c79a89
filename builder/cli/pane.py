"""A pane: the log of one attempt on the screen, with a heading where each step begins.

The log and the steps come over different connections, so either may be ahead. Steps know at which byte of the log they
begin; a heading is shown when both have arrived there.
"""

import threading
from collections.abc import Callable, Sequence

from builder.cli.answers import Step
from builder.cli.tables import harmless

LONGEST_LINE = 10_000
"""Bytes without a line's end that are shown as if they were a line."""


class Pane:
    """The pane of one log: it takes log in pieces from one thread and steps from another, and says whole lines."""

    def __init__(self, say: Callable[[str], None], title: str, prefix: str = "") -> None:
        self._say = say
        self._title = title
        self._prefix = prefix
        self._lock = threading.Lock()
        self._position = 0
        self._line = b""
        self._steps: Sequence[Step] = ()
        self._begun = 0

    def steps(self, steps: Sequence[Step]) -> None:
        """Set the steps so far."""
        with self._lock:
            self._steps = steps
            self._begin_steps()

    def log(self, data: bytes) -> None:
        """Add `data` to the log."""
        with self._lock:
            while data:
                ahead = (step["log_offset"] - self._position for step in self._steps[self._begun :])
                here = min([len(data), *ahead])
                self._text(data[:here])
                self._position += here
                data = data[here:]
                self._begin_steps()

    def close(self) -> None:
        """Show the rest: nothing more comes."""
        with self._lock:
            self._end_line()

    def _begin_steps(self) -> None:
        while self._begun < len(self._steps) and self._steps[self._begun]["log_offset"] <= self._position:
            self._end_line()
            self._say(f"==> {self._title}: {self._steps[self._begun]['name']}")
            self._begun += 1

    def _text(self, data: bytes) -> None:
        *lines, self._line = (self._line + data).split(b"\n")
        for line in lines:
            self._say(self._shown(line))
        if len(self._line) > LONGEST_LINE:
            self._end_line()

    def _end_line(self) -> None:
        if self._line:
            self._say(self._shown(self._line))
            self._line = b""

    def _shown(self, line: bytes) -> str:
        # What a carriage return wrote over is not shown: it was progress that only a terminal shows well.
        return self._prefix + harmless(line.rstrip(b"\r").rpartition(b"\r")[2].decode(errors="replace"))
