"""The lock of a folder that one process of its kind works in: whoever comes second is told who is first.

A lock (flock(2)) says so, not a process number: the kernel releases it when the process ends, however it ends. The
descriptor is closed in every program that is started (O_CLOEXEC), so no child keeps the lock of a process that was
killed.
"""

import fcntl
import os
from pathlib import Path

from builder.errors import ConflictError


def hold(file: Path, kind: str) -> int:
    """Hold the folder of the lock `file` for a `kind` of process; return the descriptor whose closing ends that.

    Raises:
        ConflictError: Another process holds it, and which.
        OSError: The file cannot be written.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    except BlockingIOError:
        other = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
        os.close(descriptor)
        raise ConflictError(
            f"another {kind} (process {other}) works in {file.parent}; stop it, or give this one another state folder"
        ) from None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
