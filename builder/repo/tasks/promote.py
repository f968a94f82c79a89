"""The operation `Promote`: packages of one stage come into another one, in all its repositories, in one switch.

The packages stay those that were built and tested: the same files, by the build that made them. What they would break
is looked up in the generations that are current, so what was ordered before is carried out first (see `separate`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from builder.errors import ConflictError
from builder.model.findings import Finding, FindingKind, Findings, told
from builder.model.operation import Carry, NumberedOperation, Promote, Undo
from builder.model.repository import CauseKind
from builder.repo import answer, closure, layout, selection
from builder.repo.advisory import advisory
from builder.repo.answer import OperationAnswer
from builder.repo.description import Description, describe
from builder.repo.draft import Drafts
from builder.repo.incoming import Delivered
from builder.repo.layout import Repository
from builder.repo.manifest import Cause, Entered, Listed, Manifest
from builder.repo.pool import Pool
from builder.repo.selection import Selected

AGAINST = (FindingKind.UNINSTALLABLE, FindingKind.DISAPPEARS, FindingKind.FILE_CONFLICT, FindingKind.DOWNGRADED)
"""The kinds of findings for which a promotion is refused, unless it is forced; the weightiest first."""
_ORDER = (*AGAINST, FindingKind.EXCLUDED, FindingKind.PRESENT, FindingKind.PROMOTED)


class Promoting:
    """The operation `number`, carried out at the time `now`; see `builder.repo.tasks.task.Task`.

    `homes` are all repositories of its project, `folder` says where each is.
    """

    def __init__(
        self,
        number: int,
        operation: Promote,
        homes: tuple[Repository, ...],
        folder: Callable[[Repository], Path],
        pool: Pool,
        now: float,
    ) -> None:
        self._operation = operation
        self._cause = Cause(number=number, kind=CauseKind.PROMOTE, who=operation.who, reason=operation.reason)
        self._homes = homes
        self._folder = folder
        self._pool = pool
        self._now = now
        self._findings = Findings()

    def answered(self, drafts: Drafts) -> OperationAnswer | None:
        """Return the answer if a manifest says that the operation was applied; a plan is answered at once."""
        targets = self._of(self._operation.target)
        entered = {home: drafts.of(home).before.applied(self._cause) for home in targets}
        if any(entered.values()):
            return self._applied(entered)
        if not self._operation.plan:
            return None
        additions, findings = self._decided(drafts)
        planned = [*_refused(self._operation, findings), *findings, *_promoted(_names(additions))]
        return answer.applied(self._cause.number, (), findings=told(planned))

    def draft(self, drafts: Drafts) -> Mapping[str, Delivered]:
        """Add the packages to all their repositories or, raising why not, to none."""
        additions, findings = self._decided(drafts)
        self._findings = told(findings)
        if not additions:
            raise ConflictError(
                f"there is nothing to promote from {self._operation.source} to {self._operation.target}"
            )
        for refused in _refused(self._operation, findings):
            raise ConflictError(refused.text)
        for home, packages in additions.items():
            draft = drafts.of(home)
            draft.advise(advisory(self._cause, home.path, packages, draft.listed, self._describe, self._now))
            draft.add(self._cause, packages, findings=self._findings)
        return {}

    def finish(self, manifests: Mapping[Repository, Manifest]) -> OperationAnswer:
        """Return the answer from the manifests; a promotion leaves nothing to put away."""
        return self._applied({home: manifests[home].applied(self._cause) for home in manifests})

    def reject(self, reason: str) -> OperationAnswer:
        """Return the refusal with the findings; a promotion leaves nothing to put away."""
        return msgspec.structs.replace(answer.rejected(self._cause.number, reason), findings=self._findings)

    def _of(self, stage: str) -> tuple[Repository, ...]:
        """Return the repositories of a stage, and those of `target` that do not exist yet but that `source` has."""
        stages = {self._operation.source, self._operation.target} if stage == self._operation.target else {stage}
        homes = (msgspec.structs.replace(home, stage=stage) for home in self._homes if home.stage in stages)
        return tuple(dict.fromkeys(homes))

    def _decided(self, drafts: Drafts) -> tuple[Selected, list[Finding]]:
        """Return the packages that come into each repository, and the findings on them."""
        operation = self._operation
        held = {home: drafts.of(home).before.packages for home in self._of(operation.source)}
        additions: dict[Repository, tuple[Listed, ...]] = {}
        findings: list[Finding] = []
        for source, packages in selection.selected(operation, held).items():
            home = msgspec.structs.replace(source, stage=operation.target)
            draft = drafts.of(home)
            come, notes = selection.coming(packages, draft.listed, draft.excluded, force=operation.force)
            draft.check(come, readmit=operation.force)
            findings += notes
            if come:
                additions[home] = tuple(msgspec.structs.replace(package, since=self._now) for package in come)
        findings += self._broken(additions, drafts)
        return additions, sorted(_shortened(operation, findings), key=_weight)

    def _broken(self, additions: Selected, drafts: Drafts) -> Iterator[Finding]:
        """Yield findings on the damage in the repositories that a client of one architecture uses together."""
        clients = {(home.distribution, home.tree.removeprefix(f"{layout.DEBUG}/")) for home in additions}
        for distribution, architecture in sorted(clients):
            if architecture == layout.SOURCE:
                continue
            trees = {architecture, f"{layout.DEBUG}/{architecture}"}
            here, there = (
                [
                    self._folder(home)
                    for home in self._homes
                    if (home.stage, home.distribution) == (stage, distribution)
                    and home.tree in trees
                    and drafts.of(home).before.generation
                ]
                for stage in (self._operation.source, self._operation.target)
            )
            come = {
                package.nevra
                for home, packages in additions.items()
                if home.distribution == distribution and home.tree in trees
                for package in packages
            }
            for finding in closure.broken_apart(there, here, come):
                text = f"{distribution}/{architecture}: {finding.text}"
                yield msgspec.structs.replace(finding, text=text[:300])

    def _describe(self, package: Listed) -> Description:
        (record,) = self._pool.records([package.sha256])
        return describe(record)

    def _applied(self, entered: Mapping[Repository, Entered | None]) -> OperationAnswer:
        there = {home: one for home, one in entered.items() if one is not None}
        names = {home: one.published for home, one in there.items()}
        kept = next((one.findings for one in there.values()), Findings())
        findings = told([*kept.first, *_promoted(names)])
        findings = msgspec.structs.replace(findings, more=findings.more + kept.more)
        published = (name for published in names.values() for name in published)
        return answer.applied(self._cause.number, answer.generations(there), published, findings)


def separate(operations: Iterable[NumberedOperation]) -> Iterator[Sequence[NumberedOperation]]:
    """Yield the operations in their order, in parts where only the first may depend on operations before it.

    A promotion looks at what is listed, an undo at what was brought, and what was carried is known by its generation.
    """
    part: list[NumberedOperation] = []
    for numbered in sorted(operations, key=lambda numbered: numbered.number):
        if part and isinstance(numbered.operation, Promote | Undo | Carry):
            yield part
            part = []
        part.append(numbered)
    if part:
        yield part


def _refused(operation: Promote, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the finding that the promotion is refused, if it is."""
    against = [finding for finding in findings if finding.kind in AGAINST]
    if against and not operation.force:
        kinds = {kind: sum(finding.kind is kind for finding in against) for kind in AGAINST}
        counted = ", ".join(f"{count} {kind.value}" for kind, count in kinds.items() if count)
        text = f"the promotion to {operation.target} is refused unless it is forced: {counted}"
        yield Finding(kind=FindingKind.REFUSED, subject=operation.target, text=text)


def _weight(finding: Finding) -> tuple[int, str]:
    return _ORDER.index(finding.kind), finding.subject


def _shortened(operation: Promote, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the findings; in a promotion of everything, packages that are there already are only counted."""
    present = 0
    for finding in findings:
        if operation.everything and finding.kind is FindingKind.PRESENT:
            present += 1
        else:
            yield finding
    if present:
        yield Finding(kind=FindingKind.PRESENT, subject=operation.target, text=f"{present} packages are there already")


def _promoted(names: Mapping[Repository, Iterable[str]]) -> Iterator[Finding]:
    for home, published in names.items():
        for name in published:
            yield Finding(kind=FindingKind.PROMOTED, subject=name, text=home.path)


def _names(additions: Selected) -> Mapping[Repository, Iterable[str]]:
    return {home: [package.nevra for package in packages] for home, packages in additions.items()}
