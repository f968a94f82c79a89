"""The work of a runner from its start to its last act: `result.json`, whatever happens in between."""

import contextlib
import os
import signal
import socket
import traceback
from collections.abc import Iterator
from pathlib import Path

from builder.attempt import disk
from builder.attempt.endings import EndedError, broken, cancelled
from builder.attempt.folder import AttemptFolder
from builder.attempt.records import Records
from builder.attempt.variables import ATTEMPT
from builder.model.attempt import AttemptState, Outcome
from builder.process import Interrupts
from builder.runner.jobs.job import carry_out
from builder.runner.workspace import Workspace
from builder.state import slave_of

LOOKS = 1000
"""Number of looks for the processes of a dead runner; a look takes milliseconds, and a kill hardly longer."""


def work(folder: str, records: Records) -> None:
    """Carry out the attempt in `folder`, and write its outcome."""
    attempt, interrupts = AttemptFolder(Path(folder)), Interrupts()
    interrupts.adopt_orphans()
    workspace = Workspace(attempt, slave_of(attempt.path), records, interrupts)
    try:
        outcome = _ended(workspace, interrupts)
        interrupts.end()
    except EndedError as interrupted:  # while it was found out how the work ended
        outcome = interrupted.outcome
        interrupts.end()
    if outcome.state in {AttemptState.FAILED, AttemptState.BROKEN} and _no_room(workspace):
        outcome = disk.full(attempt.path).outcome
    _end(workspace, outcome)


def clear_up(folder: str, records: Records) -> None:
    """End the attempt of a runner that died, and all processes that it left."""
    attempt, interrupts = AttemptFolder(Path(folder)), Interrupts()
    interrupts.end()
    interrupts.on(signal.SIGTERM, cancelled)  # which is not raised any more: clearing up is cancelled by nobody
    for _ in range(LOOKS):
        for process in (left := list(_left_by(folder))):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        if not left:
            break
    order = attempt.order
    died = broken(f"the runner of {order.build}/{order.job} on {socket.gethostname()} died")
    workspace = Workspace(attempt, slave_of(attempt.path), records, interrupts)
    _end(workspace, (cancelled() if attempt.cancelled else died).outcome)


def _ended(workspace: Workspace, interrupts: Interrupts) -> Outcome:
    """Return the outcome of the work, even where the runner itself fails."""
    try:
        return _outcome(workspace, interrupts)
    except EndedError as ended:
        return ended.outcome
    except Exception as error:  # noqa: BLE001 - a bug, or the system, ends this attempt and is told
        with contextlib.suppress(OSError):
            traceback.print_exc()
        full = disk.is_full(error)
        reason = f"the runner failed: {type(error).__name__}: {error}"
        return (disk.full(workspace.attempt.path) if full else broken(reason)).outcome


def _outcome(workspace: Workspace, interrupts: Interrupts) -> Outcome:
    interrupts.on(signal.SIGTERM, cancelled)
    attempt = workspace.attempt
    order = attempt.order
    workspace.alarm.set(order, attempt.log_length)
    if attempt.cancelled:
        raise cancelled()
    workspace.work.mkdir()
    return carry_out(workspace, order)


def _no_room(workspace: Workspace) -> bool:
    """Tell if the last step went wrong because of a full disk, whatever it took for the reason."""
    return disk.was_full(workspace.step_log(), disk.free(workspace.attempt.path))


def _end(workspace: Workspace, outcome: Outcome) -> None:
    """Clear up, then write the outcome: on a full disk there is room for it only then."""
    workspace.remove()
    with contextlib.suppress(OSError):
        workspace.say(outcome.reason or outcome.state.value)
        workspace.close_step()
    workspace.attempt.finish(outcome)


def _left_by(folder: str) -> Iterator[int]:
    """Yield the processes of a runner of the attempt in `folder`, other than this one."""
    mark = f"{ATTEMPT}={folder}\0".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if int(entry.name) != os.getpid() and mark in (entry / "environ").read_bytes():
                yield int(entry.name)
