"""The step records of an attempt: one JSON line each, written by whoever works on the attempt at the moment.

A line holds `number` (from 0), `kind`, `time` (seconds since the epoch), `log` (the length of the log at that moment)
and, but for the first, `step`; a finished step also `ok`. A line is there as a whole or not at all. This module is on
the runner's way to its first step, and therefore imports next to nothing.
"""

import os
import time

JOB_STARTED = "job-started"
STEP_STARTED = "step-started"
STEP_FINISHED = "step-finished"
NAME = "records"


class Records:
    """The writer of the records of the attempt in `folder`, in which `log` is."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._path = f"{folder}/{NAME}"
        self._count, self._open = self._read()

    @property
    def open_step(self) -> str | None:
        """The step that has started and not finished."""
        return self._open

    def begin_step(self, step: str) -> None:
        """Record that a step starts; in an attempt that has no records yet, so does the attempt."""
        if not self._count:
            self._append(JOB_STARTED, "")
        self._append(STEP_STARTED, f',"step":"{step}"')
        self._open = step

    def end_step(self, *, ok: bool) -> None:
        """Record that the open step ends, if there is one."""
        if self._open:
            self._append(STEP_FINISHED, f',"step":"{self._open}","ok":{"true" if ok else "false"}')
            self._open = None

    def _append(self, kind: str, more: str) -> None:
        now = time.time()  # noqa: TID251 - a record is stamped where it is written, in a process of its own
        line = f'{{"number":{self._count},"kind":"{kind}","time":{now:.6f},"log":{self._log_length()}{more}}}\n'
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            _write_whole(descriptor, line.encode())
        finally:
            os.close(descriptor)
        self._count += 1

    def _log_length(self) -> int:
        try:
            return os.stat(f"{self._folder}/log").st_size  # noqa: PTH116 - see the module's docstring
        except FileNotFoundError:
            return 0

    def _read(self) -> tuple[int, str | None]:
        """Return the number of records, and the step that is open."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return 0, None
        with os.fdopen(descriptor, "rb") as file:
            whole, _, torn = file.read().decode().rpartition("\n")
        if torn:
            os.truncate(self._path, len(whole) + 1 if whole else 0)
        lines = whole.splitlines()
        last = lines[-1] if lines else ""
        started = f'"kind":"{STEP_STARTED}"' in last
        return len(lines), last.split('"step":"')[1].split('"')[0] if started else None


def _write_whole(descriptor: int, line: bytes) -> None:
    """Write all of `line`, or nothing (the disk may be full)."""
    before = os.fstat(descriptor).st_size
    try:
        while line:
            line = line[os.write(descriptor, line) :]
    except OSError:
        os.ftruncate(descriptor, before)
        raise
