"""The runner: carries out one attempt in its folder, step after step, without a reactor and without the master.

The slave starts it detached, with the lock of the attempt's folder already held for it, and it outlives the slave. Its
first step is on record before anything is imported that takes time: hence the order of things in `main`.
"""

import os
import sys

from builder.slave.records import Records


def main(arguments: list[str]) -> None:
    """Carry out the attempt in the folder `arguments[0]`; `arguments[1]` is the descriptor of its lock.

    `arguments[2]` is the first step. A runner that finds that another one was here before it does nothing but clear up
    and say that the other one died.
    """
    folder, lock, step = arguments[0], int(arguments[1]), arguments[2]
    os.set_inheritable(lock, False)
    died = os.fstat(lock).st_size > 0
    os.pwrite(lock, f"{os.getpid()}\n".ljust(16).encode(), 0)
    records = Records(folder)
    if not died:
        records.begin_step(step)

    from builder.slave.work import clear_up, work  # noqa: PLC0415 - see the module's docstring

    (clear_up if died else work)(folder, records)


def command(folder: str, lock: int, step: str) -> list[str]:
    """How a runner is started: without the `site` module and its hooks, which take longer than all the rest."""
    import msgspec  # noqa: PLC0415 - the slave has it loaded; the runner's own start shall not load it here

    import builder  # noqa: PLC0415

    places = [os.path.dirname(os.path.dirname(str(module.__file__))) for module in (builder, msgspec)]  # noqa: PTH120
    start = f"import sys; sys.path += {places!r}; from builder.slave.runner import main; main(sys.argv[1:])"
    return [sys.executable, "-I", "-S", "-c", start, folder, str(lock), step]
