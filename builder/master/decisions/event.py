"""Events of operations and of definitions: their kinds, and their short sentences. Pure."""

from collections.abc import Iterable
from itertools import islice

from builder.model.difference import DefinitionChange
from builder.model.event import EventKind
from builder.model.operation import AnyOperation, Promote, Rollback, Undo

_FEW = 5
"""The most names in a text; whoever wants all of them asks for what the event is about."""


def requested(operation: AnyOperation) -> str:
    """Return the text of an operation that somebody asked for: what it is, and why."""
    return _with_reason(operation, _name(operation))


def applied(operation: AnyOperation, published: Iterable[str], *, changed: bool) -> tuple[EventKind, str]:
    """Return kind and text of an operation that is applied.

    Packages promoted, a repository rolled back and an operation undone have kinds of their own, where a repository has
    `changed`; one that only planned, or found nothing to do, is told like any other.
    """
    match operation:
        case Promote(source=source, target=target) if changed:
            kind, text = EventKind.PACKAGES_PROMOTED, f"from {source} to {target}: {few(sorted(published))}"
        case Rollback(repository=repository, generation=generation) if changed:
            kind, text = EventKind.REPOSITORY_ROLLED_BACK, f"{repository} to generation {generation}"
        case Undo(number=number) if changed:
            kind, text = EventKind.OPERATION_UNDONE, f"operation {number}"
        case _:
            kind, text = EventKind.OPERATION_APPLIED, _name(operation)
    return kind, _with_reason(operation, text)


def rejected(operation: AnyOperation, reason: str) -> str:
    """Return the text of an operation that was refused."""
    return f"{_name(operation)}: {reason}"


def changes(made: Iterable[DefinitionChange]) -> str:
    """Return the text of a definition that was applied with these changes."""
    return few(f"{change.what} {change.kind.value}" for change in made)


def few(names: Iterable[str]) -> str:
    """Return the first of these names, and that there are others."""
    rest = iter(names)
    first = list(islice(rest, _FEW))
    return ", ".join(first) + (" and others" if next(rest, None) is not None else "")


def _name(operation: AnyOperation) -> str:
    return str(operation.__struct_config__.tag)


def _with_reason(operation: AnyOperation, text: str) -> str:
    return f"{text} ({operation.reason})" if operation.reason else text
