"""The command `builder` as a person types it."""

import os
import pty
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

BUILDER = Path(sys.executable).parent / "builder"
LONGEST = 60.0
"""Seconds that a command may take on a slow machine."""


def environment(client: Path | None) -> dict[str, str]:
    """The environment of a person with these settings, or with none."""
    plain = {key: value for key, value in os.environ.items() if not key.startswith(("BUILDER_", "XDG_"))}
    nowhere = {"XDG_CONFIG_HOME": "/nonexistent"}
    return plain | (nowhere if client is None else {"BUILDER_CLIENT": str(client)})


def builder(*arguments: str, client: Path | None = None, typed: bytes = b"") -> subprocess.CompletedProcess[str]:
    """Run `builder` to its end with `typed` on its standard input; what it says is text."""
    done = subprocess.run(
        [BUILDER, *arguments],
        env=environment(client),
        input=typed,
        capture_output=True,
        timeout=LONGEST,
        check=False,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def started(*arguments: str, client: Path) -> "subprocess.Popen[bytes]":
    """Start `builder`, its standard output and its errors each in a pipe."""
    return subprocess.Popen(
        [BUILDER, *arguments], env=environment(client), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def on_a_terminal(*arguments: str, client: Path) -> str:
    """What `builder` shows on a terminal, with the terminal's line ends made plain."""
    terminal, end = pty.openpty()
    with subprocess.Popen([BUILDER, *arguments], env=environment(client) | {"TERM": "xterm"}, stdout=end) as process:
        os.close(end)
        shown = b""
        with suppress(OSError), os.fdopen(terminal, "rb", buffering=0) as screen:  # EIO is a terminal's end of file
            while piece := screen.read(4096):
                shown += piece
        assert process.wait(LONGEST) == 0
    return shown.decode().replace("\r\n", "\n")
