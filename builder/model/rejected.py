"""A rejected delivery, as people see it."""

from builder.model import Size, Text, Value


class RejectedFile(Value, frozen=True, kw_only=True):
    """A file that was delivered: its name, and its size in bytes; 0 where it is no plain file."""

    name: str
    size: Size


class RejectedDelivery(Value, frozen=True, kw_only=True):
    """A delivery of an attempt that the repository builder did not take, and why.

    `name` is its name in orders, `operation` would have published it, `time` is in seconds since the epoch and
    `until` is when it is removed. `files` are sorted by name; in a list they are left out.
    """

    name: Text
    operation: int
    project: str
    package: str
    build: int
    job: str
    fence: int
    reason: str
    time: float
    until: float
    files: tuple[RejectedFile, ...] = ()
