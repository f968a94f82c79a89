"""Facts that a slave tells about its host."""

import os
import platform
import socket
from collections.abc import Iterable

from builder.errors import UnavailableError
from builder.model.slave import HostFacts
from builder.process import Interrupts
from builder.runner.executors.auto import choose
from builder.runner.executors.executor import Executor


def host_facts(executors: Iterable[Executor]) -> HostFacts:
    """Return the facts, as they are now, with the first of `executors` that works, or what each of them misses."""
    try:
        executor = choose(executors, Interrupts()).name
    except UnavailableError as error:
        executor = str(error)
    return HostFacts(
        hostname=socket.gethostname(),
        system=_system(),
        cores=os.cpu_count() or 0,
        memory=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        executor=executor,
    )


def _system() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    except OSError:
        return platform.system()
