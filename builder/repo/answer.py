"""What the master is told about an operation."""

from collections.abc import Iterable, Mapping

import msgspec

from builder.model.findings import Finding, Findings, told
from builder.model.operation import PublishedIn
from builder.repo.layout import Repository
from builder.repo.manifest import Entered
from builder.wire import Applied, Rejected

Answer = Applied | Rejected

_REASON = 4000
"""Characters that `Rejected` has room for."""
_PUBLISHED = 300
"""How many NEVRAs `Applied` has room for, since it is one box of the wire."""
_GENERATIONS = 200
"""How many repositories it has room for."""


def applied(
    number: int,
    places: Iterable[PublishedIn],
    published: Iterable[str] = (),
    findings: Findings = Findings(),  # noqa: B008 - it is frozen
) -> Applied:
    """The operation is done: where it is, and which packages it brought, each once."""
    return Applied(
        number=number,
        generations=tuple(places)[:_GENERATIONS],
        published=tuple(dict.fromkeys(published))[:_PUBLISHED],
        findings=findings,
    )


def generations(entered: Mapping[Repository, Entered | None]) -> tuple[PublishedIn, ...]:
    """Where an operation is, of the repositories that have applied it."""
    return tuple(
        PublishedIn(repository=home.path, generation=there.generation) for home, there in entered.items() if there
    )


def changed(number: int, entered: Mapping[Repository, Entered | None]) -> Applied:
    """A person's operation is done: what it took out of which repositories, and what it brought back."""
    findings = [
        Finding(kind=kind, subject=name, text=home.path)
        for kind, names in (("withdrawn", "withdrawn"), ("restored", "published"))
        for home, there in entered.items()
        if there
        for name in getattr(there, names)
    ]
    return applied(number, generations(entered), findings=told(findings))


def shortened(answer: Answer) -> Answer:
    """An answer that takes less room, for one that does not fit into a box: half its findings, or else of its lists.

    The manifests know all of it. What has neither always fits.
    """
    first = answer.findings.first
    if first or isinstance(answer, Rejected):
        kept = first[: len(first) // 2]
        findings = Findings(first=kept, more=answer.findings.more + len(first) - len(kept))
        return msgspec.structs.replace(answer, findings=findings)
    return msgspec.structs.replace(
        answer,
        published=answer.published[: len(answer.published) // 2],
        generations=answer.generations[: len(answer.generations) // 2],
    )


def rejected(number: int, reason: str) -> Rejected:
    """The operation is refused; what was sent may be quoted in `reason`."""
    printable = "".join(letter if letter.isprintable() else "?" for letter in reason[:_REASON])
    return Rejected(number=number, reason=printable)
