"""The disk: if it is full, that is the farm's fault and no package's."""

import errno
import os
from pathlib import Path

from builder.attempt.endings import EndedError, broken

_NOTHING = 1 << 20
"""Free bytes below which even the words that say so are not written."""
_LITTLE = 512 << 20
"""Free bytes below which a program is believed that says that the disk is full."""
_WORDS = ("no space left on device", "disk quota exceeded", "more space needed on")


def is_full(error: BaseException) -> bool:
    """Tell if an error of the system says that the disk is full."""
    return isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}


def full(folder: Path) -> EndedError:
    """Return the ending of an attempt for which there is no room below `folder`."""
    return broken(f"the slave's disk is full: {free(folder) >> 20} MiB of space are left in {folder}")


def free(folder: Path) -> int:
    """Return the bytes that may still be written below `folder`; 0 without a free inode (statvfs(3))."""
    room = os.statvfs(folder)
    return room.f_bavail * room.f_frsize if room.f_favail or not room.f_files else 0


def was_full(log: str, room: int) -> bool:
    """Tell if a program failed because of a full disk, by its log and the bytes still free."""
    said = any(words in log.lower() for words in _WORDS)
    return room < _NOTHING or (said and room < _LITTLE)
