"""GnuPG and rpm's programs, bounded in time, with an agent that ends with the program it is for.

gpg reaches a secret key through gpg-agent alone, which it would start by itself and leave behind. So an agent is
started here for one program, as a member of that program's process group, and the group is killed when the program has
ended. If this process is killed itself, the program goes with it, and the agent notices in seconds that it is alone.
"""

import os
import select
import signal
import subprocess  # noqa: TID251 - the worker thread waits for these children, where builder.process needs the main one
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from builder import files
from builder.errors import UnavailableError

Command = Sequence[str | Path]

_DIE_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL", "--")
_SECONDS = 60.0
"""Seconds that gpgconf may take."""
_REASON = 1000
"""Most characters of a program's complaint."""


def run(command: Command, seconds: float, environment: Mapping[str, str] | None = None) -> str:
    """Run a program without input, and return what it printed.

    It sees PATH and `environment` alone, so that no person's settings reach it. Nothing of its process group is left.

    Raises:
        UnavailableError: It failed, or took longer than so many seconds.
        OSError: It cannot be started.
    """
    name = Path(command[0]).name
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen(  # noqa: S603 - a list of arguments, never a shell's text
            [*_DIE_WITH_PARENT, *command],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", **(environment or {})},
            process_group=0,
        )
        try:
            in_time = _ends(child.pid, seconds)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)  # its number is its own until it is reaped, in the next line
            code = child.wait()
        said.seek(0)
        text = said.read().decode(errors="replace")
    if not in_time:
        raise UnavailableError(f"{name} took more than {seconds:.0f} s")
    if code != 0:
        complaint = "; ".join(text.strip().splitlines())[-_REASON:]
        raise UnavailableError(f"{name} failed: {complaint or f'it ended with {code}'}")
    return text


def run_with_agent(home: Path, command: Command, seconds: float) -> str:
    """Run a program that uses the secret keys in the gpg home `home`, as `run` does."""
    with _short(home) as name:
        agent = ("gpg-agent", "--homedir", name, "--quiet", "--disable-scdaemon", "--no-detach", "--daemon", "--")
        try:
            return run((*agent, *command), seconds, {"GNUPGHOME": name, "HOME": name})
        finally:
            _remove_sockets(home, name)


@contextmanager
def _short(home: Path) -> Iterator[str]:
    """Give a folder a short name: it may have the agent's sockets, whose addresses have 107 bytes at most (unix(7))."""
    descriptor = os.open(home, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/{os.getpid()}/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _remove_sockets(home: Path, name: str) -> None:
    """Remove the sockets of a killed agent, or the next one would talk to it.

    The sockets are in a folder below /run/user, which is named after the home's name and made for it. Where the user
    has none, they are in the home, and gpgconf fails, since it cannot remove that folder.
    """
    with suppress(UnavailableError):
        run(("gpgconf", "--homedir", name, "--remove-socketdir"), _SECONDS)
    for path in home.glob("S.gpg-agent*"):
        files.remove(path)


def _ends(pid: int, seconds: float) -> bool:
    """Tell if a child ends within so many seconds; it is not reaped."""
    descriptor = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(seconds * 1000))
    finally:
        os.close(descriptor)
