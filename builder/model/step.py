"""A step: a named part of an attempt."""

import enum

from builder.model import Value


class StepName(enum.Enum):
    """The name of a step: a source job has the first two, a chroot job the others."""

    FETCH = "fetch"
    SRPM = "srpm"
    CHROOT = "chroot"
    GATE = "gate"
    BUILD = "build"
    COLLECT = "collect"
    UPLOAD = "upload"


class Step(Value, frozen=True, kw_only=True):
    """A step as it is shown: times in seconds since the epoch, `log_offset` where its log begins."""

    name: StepName
    log_offset: int
    started: float
    finished: float | None = None
    ok: bool | None = None
