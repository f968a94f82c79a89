"""The launch of runners: processes that hold the lock of their attempt from their start and outlive the slave."""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import msgspec
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override

import builder
from builder.attempt.folder import AttemptFolder
from builder.model.step import StepName
from builder.runner import main

_log = Logger()


class Launcher(Protocol):
    """A starter of runners."""

    def start(self, folder: AttemptFolder, step: StepName, ended: Callable[[], None]) -> None:
        """Start a runner, whose first step is `step`, unless one lives; `ended` is called when it is gone."""
        ...


class _Life(ProcessProtocol):
    """The life of a process; the reactor has reaped it when its end is told."""

    def __init__(self, ended: Callable[[], None]) -> None:
        self._ended = ended

    @override
    def processEnded(self, reason: Failure) -> None:
        self._ended()


class ProcessLauncher:
    """A starter of runners as processes, which find `variables` in their environment.

    A runner that the slave's last life started is no child, and ends unseen.
    """

    def __init__(self, reactor: Any, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._reactor = reactor
        self._places = [str(Path(str(module.__file__)).parents[1]) for module in (builder, msgspec)]

    def start(self, folder: AttemptFolder, step: StepName, ended: Callable[[], None]) -> None:
        """Lock the attempt and spawn the process; its output goes to the log until it has one of its own."""
        lock = folder.take_lock()
        if lock is None:
            return
        command = main.command(str(folder.path), step.value, self._places)
        environment = {**os.environ, **self._variables}
        try:
            with Path(os.devnull).open("r+b") as nothing, folder.log.open("ab") as log:
                places = {0: nothing.fileno(), 1: log.fileno(), 2: log.fileno(), main.LOCK: lock}
                self._reactor.spawnProcess(_Life(ended), sys.executable, command, env=environment, childFDs=places)
        except OSError as error:  # whoever looks after the attempt finds that nobody has its lock
            _log.error("no runner can be started in {folder}: {error}", folder=folder.path, error=error)
        finally:
            os.close(lock)
