"""Attempts that are really carried out: in this process, step by step, or by a runner as the slave starts it."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

import builder
from builder.attempt.endings import EndedError
from builder.attempt.folder import RecordKind
from builder.model.artifact import LISTING_NAME, Artifact, ArtifactKind, Listing
from builder.model.attempt import Outcome
from builder.model.work import WorkOrder
from builder.process import Interrupts
from builder.runner import main
from builder.runner.jobs.job import carry_out
from builder.runner.workspace import Workspace
from builder.slave.journal import Journal
from builder.state import SlaveFolder
from tests.support.hosts import as_user, python_of
from tests.support.processes import eventually

DEADLINE = 120.0
"""Seconds that anything may take on a slow machine before a test gives up."""


class RealAttempt:
    """One attempt below `state`, whose order may name the file `srpm`; its runner may be another user's.

    `variables` are added to the environment in which it is carried out.
    """

    def __init__(
        self,
        state: Path,
        order: WorkOrder,
        srpm: Path | None = None,
        user: str | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.order = order
        self._user = user
        self._variables = variables or {}
        self.state = state
        self.folder = Journal(SlaveFolder(state)).record(order)
        if srpm:
            self.folder.order_files.mkdir()
            (self.folder.order_files / srpm.name).write_bytes(srpm.read_bytes())
        self.pid = 0  # of its runner, while there is one

    def workspace(self) -> Workspace:
        """A workspace for steps in this process."""
        self.folder.work.mkdir()
        return Workspace(self.folder, SlaveFolder(self.state), self.folder.recorder(), Interrupts())

    def carry_out(self) -> Outcome:
        """Carry it out in this process, and clear up."""
        workspace = self.workspace()
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self._variables.items():
                patch.setenv(name, value)
            try:
                outcome = carry_out(workspace, self.order)
            except EndedError as ended:
                outcome = ended.outcome
        workspace.remove()
        self.folder.finish(outcome)
        return outcome

    def start(self) -> None:
        """Start a runner as a slave does, in a process of its own."""
        lock = self.folder.take_lock()
        assert lock is not None
        log = os.open(self.folder.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        places = [str(Path(str(module.__file__)).parents[1]) for module in (builder, msgspec)]
        command = main.command(str(self.folder.path), self.order.work.first_step.value, places)
        places_of = {1: log, 2: log, main.LOCK: lock}
        actions = [(os.POSIX_SPAWN_DUP2, here, there) for there, here in places_of.items()]
        if self._user:
            subprocess.run(["chown", "-R", self._user, self.state], check=True, timeout=60)
        whole = as_user(self._user, [python_of(self._user), *command[1:]])
        self.pid = os.posix_spawnp(whole[0], whole, {**os.environ, **self._variables}, file_actions=actions)
        os.close(log)
        os.close(lock)

    def wait(self) -> Outcome:
        """How it ended, once the runner is gone."""
        end = time.monotonic() + DEADLINE
        while os.waitpid(self.pid, os.WNOHANG) == (0, 0):
            assert time.monotonic() < end, f"the runner did not end:\n{self.log}"
            time.sleep(0.005)
        self.pid = 0
        outcome = self.folder.outcome()
        assert outcome, f"the runner left no result:\n{self.log}"
        return outcome

    def kill(self) -> None:
        """Kill the runner, and come back when the next one may begin.

        A child that is not yet the program it shall become has the lock for a moment longer than its runner.
        """
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.pid = 0
        eventually("the lock is free", lambda: not self.folder.running())

    def end(self) -> None:
        """See to it that nothing of it is left, wherever it is."""
        if self.folder.outcome() is None:
            self.kill()
            self.run()

    def run(self) -> Outcome:
        """Carry it out by a runner."""
        self.start()
        return self.wait()

    def await_log(self, text: str) -> None:
        """Come back when the log has this text."""
        end = time.monotonic() + DEADLINE
        while text not in self.log:
            assert time.monotonic() < end, f"no {text!r} in the log:\n{self.log}"
            time.sleep(0.005)

    @property
    def log(self) -> str:
        """The whole log."""
        return self.folder.log.read_text() if self.folder.log.exists() else ""

    @property
    def steps(self) -> list[str]:
        """The steps that ended, in order, with a `!` behind those that failed."""
        ended = [record for record in self.folder.records() if record.kind is RecordKind.STEP_FINISHED]
        return [f"{record.step.value}{'' if record.ok else '!'}" for record in ended if record.step]

    @property
    def artifacts(self) -> dict[str, Artifact]:
        """What the listing names."""
        listing = msgspec.json.decode((self.folder.results / LISTING_NAME).read_bytes(), type=Listing)
        return {artifact.name: artifact for artifact in listing.artifacts}

    @property
    def srpm(self) -> Path:
        """The SRPM that it delivers."""
        name = next(artifact.name for artifact in self.artifacts.values() if artifact.kind is ArtifactKind.SRPM)
        return self.folder.results / name
