"""A difference between a definition and the farm: the changes that applying it makes."""

import enum

from builder.model import Value


class ChangeKind(enum.Enum):
    """The kind of a change."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


class DefinitionChange(Value, frozen=True, kw_only=True):
    """A change.

    `what` is `project hello`, `project hello: stages`, `package hello/greet` or `package hello/greet: timeout`;
    `before` and `after` are its value as a person writes it in the definition; None where there is none.
    """

    what: str
    kind: ChangeKind
    before: str | None = None
    after: str | None = None
