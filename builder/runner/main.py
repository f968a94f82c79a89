"""The runner: carries out one attempt in its folder, step after step, without a reactor and without the master.

The slave starts it with the lock of the attempt's folder already held for it, and it outlives the slave. Its first
step is on record before anything is imported that takes time: hence the order of things in `main`.
"""

import os
import sys

from builder.attempt.records import Records
from builder.attempt.variables import ATTEMPT

LOCK = 3
"""The descriptor of the lock, which is held as long as it is open."""


def main(folder: str, step: str) -> None:
    """Carry out the attempt in `folder`, whose first step is `step`.

    A runner that finds that another one was here before it does nothing but clear up and say that the other one died.
    """
    os.setsid()
    os.chdir(folder)
    os.set_inheritable(LOCK, False)
    os.environ[ATTEMPT] = folder
    died = os.fstat(LOCK).st_size > 0
    records = Records(folder)
    try:
        os.pwrite(LOCK, f"{os.getpid():<16}".encode(), 0)
        if not died:
            records.begin_step(step)
    except OSError:
        pass  # the disk is full: the work meets that too, and tells

    from builder.runner.work import clear_up, work  # noqa: PLC0415 - see the module's docstring

    (clear_up if died else work)(folder, records)


def command(folder: str, step: str, places: list[str]) -> list[str]:
    """Return the command that starts a runner: without the `site` module and its hooks, which take the longest.

    `places` are the folders from which builder and the libraries are imported.
    """
    start = f"import sys; sys.path += {places!r}; from builder.runner.main import main; main(*sys.argv[1:])"
    return [sys.executable, "-I", "-S", "-c", start, folder, step]
