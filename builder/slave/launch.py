"""Starting runners: processes that hold the lock of their attempt from their first breath on and outlive the slave."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec
from twisted.internet.interfaces import IReactorProcess
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure
from typing_extensions import override

import builder
from builder.model.step import StepName
from builder.slave import runner
from builder.slave.attempt import AttemptFolder


class Launcher(Protocol):
    """Starts runners."""

    def start(self, folder: AttemptFolder, step: StepName, ended: Callable[[], None]) -> None:
        """Start a runner, whose first step is `step`, unless one lives; `ended` is called when it is gone."""
        ...


class _Life(ProcessProtocol):
    """Tells when the process is gone; the reactor has reaped it by then."""

    def __init__(self, ended: Callable[[], None]) -> None:
        self._ended = ended

    @override
    def processEnded(self, reason: Failure) -> None:
        self._ended()


class ProcessLauncher:
    """Starts runners as processes; a runner that the slave's last life started is no child, and ends unseen."""

    def __init__(self, reactor: IReactorProcess) -> None:
        self._reactor = reactor
        self._places = [str(Path(str(module.__file__)).parents[1]) for module in (builder, msgspec)]

    def start(self, folder: AttemptFolder, step: StepName, ended: Callable[[], None]) -> None:
        """Spawn the process with the log as its output, for what goes wrong before it has one of its own."""
        lock = folder.take_lock()
        if lock is None:
            return
        nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        log = os.open(folder.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        command = runner.command(str(folder.path), step.value, self._places)
        try:
            self._reactor.spawnProcess(
                _Life(ended),
                sys.executable,
                command,
                env=None,
                childFDs={0: nothing, 1: log, 2: log, runner.LOCK: lock},
            )
        finally:
            for descriptor in (nothing, log, lock):
                os.close(descriptor)
