"""A plugin of mock, loaded by mock and by its Python: stops it before the build, and lets its package manager out.

Whether to build is decided in a root that is complete, so the first of the two times that mock is run ends there: the
plugin's option `stop`, and the exit code `STOPPED`. The keeper may have cut the network of everything that mock starts;
the package manager is the one thing that has it nevertheless. Source: mock's documentation of plugins, API 1.1.
"""

import ctypes
import os
from typing import Any

requires_api_version = "1.1"

STOPPED = 100
"""mock's exit code when it was stopped; its own are documented up to 90, rpmbuild's are passed on and small."""

_NEW_NETWORK = 0x40000000


def init(plugins: Any, options: Any, root: Any) -> None:
    """Add the hooks; mock calls this for the root, and for the one that it may bootstrap it from."""
    outside = os.environ.get("BUILDER_NETWORK")
    if outside:
        inside = os.open("/proc/self/ns/net", os.O_RDONLY)
        plugins.add_hook("preyum", lambda: _enter(int(outside)))
        plugins.add_hook("postyum", lambda: _enter(inside))
    if options["stop"] and not root.is_bootstrap:
        plugins.add_hook("prebuild", _stop)


def _enter(network: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(network, _NEW_NETWORK):
        raise OSError(ctypes.get_errno(), "setns")


def _stop() -> None:
    raise SystemExit(STOPPED)
