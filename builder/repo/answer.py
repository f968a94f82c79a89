"""Answers to the master about operations."""

from collections.abc import Iterable, Mapping

import msgspec

from builder.model.findings import Finding, FindingKind, Findings, told
from builder.model.operation import PublishedIn
from builder.repo.layout import Repository
from builder.repo.manifest import Entered
from builder.wire import Applied, Rejected

OperationAnswer = Applied | Rejected

_REASON = 4000
"""Most characters that `Rejected` has room for."""
_PUBLISHED = 300
"""Most NEVRAs that `Applied` has room for, since it is one box of the wire."""
_GENERATIONS = 200
"""Most repositories that it has room for."""


def applied(
    number: int,
    places: Iterable[PublishedIn],
    published: Iterable[str] = (),
    findings: Findings = Findings(),  # noqa: B008 - it is frozen
) -> Applied:
    """Return the answer that an operation is done: in which generations, and which packages it brought, each once."""
    return Applied(
        number=number,
        generations=tuple(places)[:_GENERATIONS],
        published=tuple(dict.fromkeys(published))[:_PUBLISHED],
        findings=findings,
    )


def generations(entered: Mapping[Repository, Entered | None]) -> tuple[PublishedIn, ...]:
    """Return the generation of each repository that has applied an operation."""
    return tuple(
        PublishedIn(repository=home.path, generation=there.generation) for home, there in entered.items() if there
    )


def changed(number: int, entered: Mapping[Repository, Entered | None]) -> Applied:
    """Return the answer that a person's operation is done: what it took out of each repository, and what came back."""
    findings = [
        Finding(kind=kind, subject=name, text=home.path)
        for kind, names in ((FindingKind.WITHDRAWN, "withdrawn"), (FindingKind.RESTORED, "published"))
        for home, there in entered.items()
        if there
        for name in getattr(there, names)
    ]
    return applied(number, generations(entered), findings=told(findings))


def shortened(answer: OperationAnswer) -> OperationAnswer:
    """Return a shorter answer, for one that does not fit into a box: half of its findings, or else of its lists.

    The manifests have all of it. An answer without findings and lists always fits.
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
    """Return the answer that an operation is refused; `reason` may quote what was sent."""
    printable = "".join(letter if letter.isprintable() else "?" for letter in reason[:_REASON])
    return Rejected(number=number, reason=printable)
