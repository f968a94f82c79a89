"""The log of a daemon: one line per event on standard error.

Under systemd each line begins with its priority (sd-daemon(3)) and the journal adds the time; elsewhere with the time
and the level's name. A traceback stays in its line, its own lines joined by " | ".
"""

import os
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

from twisted.logger import (
    FilteringLogObserver,
    ILogObserver,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
    formatEvent,
    globalLogBeginner,
)
from twisted.python.failure import Failure
from zope.interface import provider

_PRIORITIES = {LogLevel.debug: 7, LogLevel.info: 6, LogLevel.warn: 4, LogLevel.error: 3, LogLevel.critical: 2}


def begin(stream: TextIO = sys.stderr, environment: Mapping[str, str] = os.environ) -> None:
    """Log to `stream` from now on."""
    levels = LogLevelFilterPredicate(defaultLogLevel=LogLevel.info)
    levels.setLogLevelForNamespace("twisted", LogLevel.warn)
    levels.setLogLevelForNamespace("log_legacy", LogLevel.warn)
    render = for_journal if "JOURNAL_STREAM" in environment else for_people

    @provider(ILogObserver)
    def write(event: LogEvent) -> None:
        stream.write(line(event, render) + "\n")
        stream.flush()

    globalLogBeginner.beginLoggingTo([FilteringLogObserver(write, [levels])], redirectStandardIO=False)


def line(event: LogEvent, render: Callable[[LogEvent, str], str]) -> str:
    """Return one event as one line."""
    text = formatEvent(event)
    failure = event.get("log_failure")
    if isinstance(failure, Failure):
        text = f"{text}: {failure.getTraceback()}"
    return render(event, " | ".join(part for part in text.splitlines() if part.strip()))


def for_journal(event: Mapping[str, Any], text: str) -> str:
    """Return a line for systemd, which knows the time."""
    return f"<{_PRIORITIES.get(event.get('log_level', LogLevel.info), 6)}>{text}"


def for_people(event: Mapping[str, Any], text: str) -> str:
    """Return a line for a terminal or a file."""
    time = datetime.fromtimestamp(event.get("log_time", 0.0), UTC).astimezone()
    level = event.get("log_level", LogLevel.info)
    return f"{time:%Y-%m-%d %H:%M:%S} {level.name}: {text}"
