"""From a runner's start to its last act: `result.json`, whatever happens in between."""

import signal
import socket
import traceback
from pathlib import Path

from builder.model.attempt import Outcome
from builder.process import Interrupts
from builder.slave import disk
from builder.slave.attempt import AttemptFolder
from builder.slave.endings import EndedError, broken, cancelled, timed_out
from builder.slave.job import carry_out
from builder.slave.records import Records
from builder.slave.workspace import Workspace


def work(folder: str, records: Records) -> None:
    """Carry out the attempt in `folder` and write how it ended."""
    attempt, interrupts = AttemptFolder(Path(folder)), Interrupts()
    try:
        outcome = _outcome(attempt, records, interrupts)
    except EndedError as ended:
        outcome = ended.outcome
    except OSError as error:
        traceback.print_exc()
        outcome = (disk.full(attempt.path) if disk.is_full(error) else broken(f"the runner failed: {error}")).outcome
    except Exception as error:  # noqa: BLE001 - a bug ends this attempt and is told
        traceback.print_exc()
        outcome = broken(f"the runner met a bug, which the log shows: {error!r}").outcome
    interrupts.end()
    _end(attempt, records, interrupts, outcome)


def clear_up(folder: str, records: Records) -> None:
    """End the attempt of a runner that died."""
    attempt, interrupts = AttemptFolder(Path(folder)), Interrupts()
    interrupts.end()
    order = attempt.order
    died = broken(f"the runner of {order.build}/{order.job} on {socket.gethostname()} died")
    _end(attempt, records, interrupts, (cancelled() if attempt.cancelled else died).outcome)


def _outcome(attempt: AttemptFolder, records: Records, interrupts: Interrupts) -> Outcome:
    interrupts.on(signal.SIGTERM, cancelled)
    attempt.reserve()
    order = attempt.order
    interrupts.on(signal.SIGALRM, lambda: timed_out(order.timeout))
    signal.setitimer(signal.ITIMER_REAL, order.timeout)
    if attempt.cancelled:
        raise cancelled()
    attempt.work.mkdir()
    return carry_out(Workspace(attempt, attempt.path.parent.parent, records, interrupts), order)


def _end(attempt: AttemptFolder, records: Records, interrupts: Interrupts, outcome: Outcome) -> None:
    """Clear up first: on a full disk there is room for the rest only then."""
    workspace = Workspace(attempt, attempt.path.parent.parent, records, interrupts)
    workspace.remove()
    if outcome.reason:
        workspace.say(outcome.reason)
    records.end_step(ok=False)
    attempt.finish(outcome)
