"""The keeper: it holds a program, mock, and all that it starts, in namespaces that end with it.

    keeper.py OWNER CUT [SOURCE TARGET]… -- COMMAND…

The command runs under a process 1 of ours in process and mount namespaces of its own, in which each SOURCE is mounted
over TARGET. When the command ends, or OWNER (the process that started the keeper), or the keeper is killed, the kernel
kills what is left in there and takes the mounts away. mock changes its user, which clears the parent-death signal of
whoever does that: hence a process in between that does not. CUT is `cut` or `open`; with `cut` the command has a
network namespace with nothing but loopback, and the variable `BUILDER_NETWORK` names a descriptor of the network
outside, for what may use it.

This file is run as it is, by an interpreter without `site`; it imports the standard library only. Sources:
namespaces(7), pid_namespaces(7), prctl(2), mount(2).
"""

import ctypes
import fcntl
import os
import select
import signal
import socket
import struct
import sys
from pathlib import Path

NETWORK = "BUILDER_NETWORK"

_NEW_MOUNTS, _NEW_PROCESSES, _NEW_NETWORK = 0x00020000, 0x20000000, 0x40000000
_RECURSIVE, _PRIVATE, _BIND, _CONFINED = 0x4000, 0x40000, 0x1000, 0x2 | 0x4 | 0x8
_PARENT_DEATH_SIGNAL = 1
_SET_FLAGS, _UP = 0x8914, 0x1
_C = ctypes.CDLL(None, use_errno=True)


def main(arguments: list[str]) -> int:
    """Run the command, and return its exit code: 128 plus the signal's number if a signal has ended it."""
    split = arguments.index("--")
    owner, cut, *mounts = arguments[:split]
    _end_with_parent()
    if os.getppid() != int(owner):
        return 128 + signal.SIGKILL
    if cut == "cut":
        outside = os.open("/proc/self/ns/net", os.O_RDONLY)
        os.set_inheritable(outside, True)
        os.environ[NETWORK] = str(outside)
        _check(_C.unshare(_NEW_NETWORK), "unshare")
        _raise_loopback()
    _check(_C.unshare(_NEW_MOUNTS | _NEW_PROCESSES), "unshare")
    _mount("none", "/", None, _PRIVATE | _RECURSIVE)
    for source, target in zip(mounts[::2], mounts[1::2], strict=True):
        if Path(source).is_dir():
            Path(target).mkdir(parents=True, exist_ok=True)
        _mount(source, target, None, _BIND)
    alive, held = os.pipe()
    first = os.fork()
    if first == 0:
        os.close(held)
        os._exit(_first(arguments[split + 1 :], alive))
    return _code(os.waitpid(first, 0)[1])


def _first(command: list[str], alive: int) -> int:
    """Start the command as process 1, and reap the processes that lose their parent until it ends; return its code."""
    _end_with_parent()
    if select.select([alive], [], [], 0)[0]:  # the keeper was killed before it could be told
        return 128 + signal.SIGKILL
    _mount("proc", "/proc", "proc", _CONFINED)
    program = os.fork()
    if program == 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.execvp(command[0], command)  # noqa: S606 - a list of arguments, never a shell's text
    while True:
        ended, status = os.wait()
        if ended == program:
            return _code(status)


def _end_with_parent() -> None:
    _check(_C.prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0), "prctl")


def _raise_loopback() -> None:
    """Raise the loopback, which is down in a new network namespace: netdevice(7)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SET_FLAGS, struct.pack("16sh14x", b"lo", _UP))


def _mount(source: str, target: str, kind: str | None, flags: int) -> None:
    words = [None if word is None else word.encode() for word in (source, target, kind)]
    _check(_C.mount(*words, flags, None), f"mount {source} on {target}")


def _check(result: int, what: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except OSError as error:
        sys.exit(f"keeper: {error.strerror}")
