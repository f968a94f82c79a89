"""A plugin of mock, loaded by mock and by its Python: asks before the build, and lets the package manager out.

The gate decides on the build in a root that is complete, so mock waits there: with the option `asks`, a folder with
two named pipes, the plugin writes a byte into `QUESTION` and waits for one in `ANSWER`. Unless that is `GO`, mock
ends with the exit code `STOPPED`. The keeper may have cut the network of everything that mock starts; the package
manager is the one thing that has it nevertheless. Source: mock's documentation of plugins, API 1.1.
"""

import ctypes
import os
import sys
from typing import Any

requires_api_version = "1.1"

QUESTION, ANSWER = "question", "answer"
GO, STOP = b"g", b"s"
STOPPED = 100
"""The exit code of mock when it was stopped; its own are documented up to 90, rpmbuild's are passed on and small."""

_NEW_NETWORK = 0x40000000


def init(plugins: Any, options: Any, root: Any) -> None:
    """Add the hooks; mock calls this for the root, and for the one that it may bootstrap it from."""
    outside = os.environ.get("BUILDER_NETWORK")
    if outside:
        inside = os.open("/proc/self/ns/net", os.O_RDONLY)
        plugins.add_hook("preyum", lambda: _enter(int(outside)))
        plugins.add_hook("postyum", lambda: _enter(inside))
    if options["asks"] and not root.is_bootstrap:
        plugins.add_hook("prebuild", lambda: _ask(options["asks"]))


def _enter(network: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(network, _NEW_NETWORK):
        raise OSError(ctypes.get_errno(), "setns")


def _ask(folder: str) -> None:
    sys.stdout.flush()  # what is said from now on belongs to the build
    sys.stderr.flush()
    with open(f"{folder}/{QUESTION}", "wb") as question:  # noqa: PTH123 - mock's Python may be any
        question.write(b"?")
    with open(f"{folder}/{ANSWER}", "rb", buffering=0) as answer:  # noqa: PTH123
        if answer.read(1) != GO:
            raise SystemExit(STOPPED)
