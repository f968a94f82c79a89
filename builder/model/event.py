"""An event: a numbered fact that happened in the farm."""

from builder.model import Value


class Event(Value, frozen=True, kw_only=True):
    """`number` grows in commit order; `kind` is in the past tense (`build_queued`); a build's own have no `job`."""

    number: int
    time: float
    kind: str
    build: int
    job: str | None = None
    text: str = ""
