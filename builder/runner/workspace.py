"""The workspace of an attempt's steps: its folders, its log, its step records, and the programs it runs."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from builder.attempt.endings import EndedError
from builder.attempt.folder import AttemptFolder
from builder.attempt.records import Records
from builder.model.attempt import AttemptState
from builder.model.step import StepName
from builder.process import Companion, Interrupts, run
from builder.runner import sandbox
from builder.runner.alarm import Alarm
from builder.state import SlaveFolder

LOG_TAIL = 1 << 20
"""Bytes at the end of a step's log that are searched for what went wrong."""
OUTPUT_LIMIT = 4 << 20
"""Bytes of a program's answer that are read."""
_END = 64 << 10
"""Bytes at the end of a longer answer that are read too."""


class ProgramOutput(NamedTuple):
    """The answer of a program: exit code, standard output, standard error.

    Of a long output, `output` has the beginning and `end` the end; `end` is empty where `output` is all of it.
    """

    code: int
    output: str
    errors: str
    end: str = ""

    @property
    def last_error(self) -> str:
        """The last line on standard error, which mostly says why."""
        lines = self.errors.strip().splitlines()
        return lines[-1] if lines else f"exit code {self.code}"


class Workspace:
    """The workspace that the steps of one attempt share.

    Attributes:
        attempt: The folder of the attempt.
        state: The slave's folder, with what outlives attempts.
        work: The folder for everything that is removed at the end.
        interrupts: The events that may end a program which runs for it.
        alarm: The alarm that does so when a step, or all of it, takes too long.
    """

    def __init__(self, attempt: AttemptFolder, state: SlaveFolder, records: Records, interrupts: Interrupts) -> None:
        self.attempt = attempt
        self.state = state
        self.work = attempt.work
        self._records = records
        self.interrupts = interrupts
        self.alarm = Alarm(interrupts)
        self._log = os.open(attempt.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._step_log = 0
        self._companion: Companion | None = None

    @contextmanager
    def step(self, name: StepName) -> Iterator[None]:
        """Record that a step begins, and how it ends."""
        if self._records.open_step != name.value:
            self._records.begin_step(name.value)
        self._step_log = self.attempt.log_length()
        try:
            with self.alarm.step(name):
                yield
        except BaseException as error:
            with suppress(OSError):  # a full disk: the step is closed when there is room again
                self._records.end_step(ok=isinstance(error, EndedError) and error.outcome.state is AttemptState.SKIPPED)
            raise
        self._records.end_step(ok=True)

    def close_step(self) -> None:
        """Record that a step that is still open has failed."""
        self._records.end_step(ok=False)

    def folder(self, name: str) -> Path:
        """Make an empty folder `name` in the workspace."""
        path = self.work / name
        path.mkdir(parents=True)
        return path

    def say(self, text: str) -> None:
        """Add a line to the log."""
        os.write(self._log, f"{text}\n".encode(errors="replace"))

    def step_log(self) -> str:
        """Return the end of the current step's log."""
        with self.attempt.log.open("rb") as log:
            log.seek(max(self._step_log, self.attempt.log_length() - LOG_TAIL))
            return log.read().decode(errors="replace")

    def keep_step_log(self, name: str) -> Path:
        """Put the current step's log into a file of this name, and return its path."""
        path = self.work / name
        with self.attempt.log.open("rb") as log, path.open("wb") as kept:
            log.seek(self._step_log)
            shutil.copyfileobj(log, kept)
        return path

    def run(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> int:
        """Run a program, with all its output in the log, and return its exit code."""
        return self._run(command, self._log, self._log, environment)

    def accompany(self, command: Sequence[str], environment: Mapping[str, str]) -> Companion:
        """Start a program, with all its output in the log, while others are run; `remove` ends it at the latest."""
        with self.interrupts.held():
            self._companion = Companion(
                command, self.interrupts, output=self._log, folder=self.work, environment=environment
            )
        return self._companion

    def ask(
        self,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        *,
        quiet: bool = False,
        cleaned: Callable[[str], str] = str,
    ) -> ProgramOutput:
        """Run a program for its answer; its standard error is logged too, unless it is `quiet`.

        `cleaned` removes from standard error what nobody shall read.
        """
        output, errors = self.work / "output", self.work / "errors"
        with output.open("wb") as out, errors.open("wb") as err:
            code = self._run(command, out.fileno(), err.fileno(), environment)
        answer = ProgramOutput(code, head(output), cleaned(head(errors)), _end(output))
        if answer.errors and not quiet:
            self.say(answer.errors.rstrip())
        return answer

    def _run(self, command: Sequence[str], output: int, errors: int, environment: Mapping[str, str] | None) -> int:
        return run(
            command,
            self.interrupts,
            output=output,
            errors=errors,
            folder=self.work,
            environment=os.environ if environment is None else environment,
        )

    def remove(self) -> None:
        """Remove everything but the results."""
        if self._companion is not None:
            self._companion.kill()
        if self.work.exists():
            command = ["rm", "-rf", "--one-file-system", "--", str(self.work)]
            with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - os.devnull is a string
                run(
                    sandbox.as_owner(command, os.geteuid()),
                    self.interrupts,
                    output=nowhere.fileno(),
                    errors=self._log,
                    folder=self.attempt.path,
                    environment=os.environ,
                )


def head(path: Path) -> str:
    """Return the beginning of a program's output, as far as it is read."""
    with path.open("rb") as file:
        return file.read(OUTPUT_LIMIT).decode(errors="replace")


def _end(path: Path) -> str:
    """Return the end of an output that is longer than what is read of it."""
    size = path.stat().st_size
    if size <= OUTPUT_LIMIT:
        return ""
    with path.open("rb") as file:
        file.seek(max(0, size - _END))
        return file.read().decode(errors="replace")
