"""What daemons log."""

import re
from typing import Any

import pytest
from twisted.logger import LogLevel
from twisted.python.failure import Failure

from builder.cli import journal


def event(**values: Any) -> dict[str, Any]:
    return {"log_level": LogLevel.warn, "log_format": "lost {what}", "what": "slave1", "log_time": 1.0, **values}


def test_an_event_is_one_line() -> None:
    """Time, level, text."""
    line = journal.line(event(what="a\nb"), journal.for_people)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d warn: lost a \| b", line)


@pytest.mark.parametrize(
    ("level", "priority"), [(LogLevel.info, 6), (LogLevel.warn, 4), (LogLevel.error, 3), (LogLevel.critical, 2)]
)
def test_the_journal_is_told_the_priority(level: Any, priority: int) -> None:
    """Under systemd a line begins with its sd-daemon(3) priority and no time."""
    assert journal.line(event(log_level=level), journal.for_journal) == f"<{priority}>lost slave1"


def test_a_traceback_stays_in_its_line() -> None:
    """A failure's details are in the log, and grep finds them with their event."""
    line = journal.line(event(log_failure=Failure(ValueError("no"))), journal.for_journal)
    assert "\n" not in line
    assert line.startswith("<4>lost slave1: Traceback")
    assert line.endswith("ValueError: no")
