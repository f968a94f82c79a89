"""What the master is told about an operation."""

from collections.abc import Iterable

from builder.model.operation import PublishedIn
from builder.wire import Applied, Rejected

Answer = Applied | Rejected

_REASON = 4000
"""Characters that `Rejected` has room for."""
_PUBLISHED = 300
"""How many NEVRAs `Applied` has room for, since it is one box of the wire."""
_GENERATIONS = 200
"""How many repositories it has room for."""


def applied(number: int, generations: Iterable[PublishedIn], published: Iterable[str] = ()) -> Applied:
    """The operation is done: where it is, and which packages it brought, each once."""
    return Applied(
        number=number,
        generations=tuple(generations)[:_GENERATIONS],
        published=tuple(dict.fromkeys(published))[:_PUBLISHED],
    )


def rejected(number: int, reason: str) -> Rejected:
    """The operation is refused; what was sent may be quoted in `reason`."""
    printable = "".join(letter if letter.isprintable() else "?" for letter in reason[:_REASON])
    return Rejected(number=number, reason=printable)
