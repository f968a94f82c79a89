"""A visit: one HTTP request as handlers see it, without the HTTP."""

from builder.model import Value
from builder.model.visitor import Nobody, Visitor


class Conditions(Value, frozen=True, kw_only=True):
    """The request headers that ask for less than a whole file (RFC 9110, sections 13 and 14)."""

    none_match: str | None = None
    modified_since: str | None = None
    range: str | None = None
    if_range: str | None = None


class Visit(Value, frozen=True, kw_only=True):
    """A visit: who asks, and under which address they know the farm: `scheme://host[:port]` without a final slash."""

    visitor: Visitor = Nobody()
    origin: str
    conditions: Conditions = Conditions()
