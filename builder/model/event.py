"""An event: a numbered fact that happened in the farm, and what it is about."""

import enum
from typing import Final

from builder.model import Value


class EventKind(enum.Enum):
    """The kind of an event, in the past tense; docs/api.md has the subject and the text of each."""

    BUILD_QUEUED = "build_queued"
    BUILD_FINISHED = "build_finished"
    CANCEL_REQUESTED = "cancel_requested"
    JOB_QUEUED = "job_queued"
    JOB_RUNNING = "job_running"
    JOB_PUBLISHING = "job_publishing"
    JOB_SUCCEEDED = "job_succeeded"
    JOB_FAILED = "job_failed"
    JOB_SKIPPED = "job_skipped"
    JOB_CANCELLED = "job_cancelled"
    STEP_STARTED = "step_started"
    STEP_FINISHED = "step_finished"
    DEFINITION_APPLIED = "definition_applied"
    SECRET_SET = "secret_set"  # noqa: S105 - this is no secret
    SECRET_REMOVED = "secret_removed"  # noqa: S105 - nor is this
    TOKEN_ISSUED = "token_issued"  # noqa: S105 - nor this
    TOKENS_REVOKED = "tokens_revoked"
    OPERATION_REQUESTED = "operation_requested"
    OPERATION_APPLIED = "operation_applied"
    OPERATION_REJECTED = "operation_rejected"
    PACKAGES_PROMOTED = "packages_promoted"
    REPOSITORY_ROLLED_BACK = "repository_rolled_back"
    OPERATION_UNDONE = "operation_undone"
    SLAVE_SEEN = "slave_seen"
    SLAVE_LOST = "slave_lost"
    SLAVE_RETURNED = "slave_returned"


CONFIDENTIAL: Final = frozenset({EventKind.SECRET_SET, EventKind.SECRET_REMOVED})
"""The kinds whose text is not for everybody: it has the name of a secret, as the list of secrets has."""


class Subject(Value, frozen=True, kw_only=True):
    """The subject of an event: what it is about, with None for what it is not about.

    `operation` is the number of an operation, `slave` and `release` are names, and `who` is the person who did it.
    """

    project: str | None = None
    build: int | None = None
    job: str | None = None
    operation: int | None = None
    slave: str | None = None
    release: str | None = None
    who: str | None = None


class Event(Value, frozen=True, kw_only=True):
    """An event; `number` grows in commit order, `time` is in seconds since the epoch.

    The other fields are those of its subject.
    """

    number: int
    time: float
    kind: EventKind
    project: str | None = None
    build: int | None = None
    job: str | None = None
    operation: int | None = None
    slave: str | None = None
    release: str | None = None
    who: str | None = None
    text: str = ""


class EventFilter(Value, frozen=True, kw_only=True):
    """A choice of events: those that have all that is given here; None is not given."""

    build: int | None = None
    project: str | None = None
    kind: EventKind | None = None
