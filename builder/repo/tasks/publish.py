"""The operation `Publish`: packages that one attempt has delivered come into the repositories of its chroots."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from builder import nevra
from builder.model.operation import Publish
from builder.model.repository import CauseKind
from builder.repo import answer, layout
from builder.repo.answer import OperationAnswer
from builder.repo.draft import Drafts
from builder.repo.incoming import Delivered, Incoming
from builder.repo.layout import Repository
from builder.repo.manifest import Cause, Listed, Manifest


class Publishing:
    """The operation `number`, carried out at the time `now`; see `builder.repo.tasks.task.Task`."""

    def __init__(self, number: int, operation: Publish, incoming: Incoming, now: float) -> None:
        self._number = number
        self._operation = operation
        self._incoming = incoming
        self._now = now
        self._homes: tuple[Repository, ...] = ()

    def answered(self, drafts: Drafts) -> OperationAnswer | None:
        """Return the answer if the delivery has gone: it was published, or refused."""
        reason = self._incoming.refusal(self._number, self._operation)
        if reason is not None:
            return answer.rejected(self._number, reason)
        if self._incoming.path(self._operation).exists():
            return None
        manifests = {repository: drafts.of(repository).before for repository in self._candidates()}
        self._homes = tuple(home for home in manifests if manifests[home].entered(self._number))
        return self.finish(manifests) if self._homes else None

    def draft(self, drafts: Drafts) -> Mapping[str, Delivered]:
        """Add the packages to all their repositories or, raising why not, to none."""
        delivered = self._incoming.packages(self._number, self._operation)
        additions = _additions(self._operation, delivered, self._now)
        self._homes = tuple(home for home in self._candidates() if home in additions)
        pending = {
            home: packages for home, packages in additions.items() if not drafts.of(home).has(self._number, packages)
        }
        for home, packages in pending.items():
            drafts.of(home).check(packages)
        cause = Cause(number=self._number, kind=CauseKind.PUBLISH)
        for home, packages in pending.items():
            drafts.of(home).add(cause, packages, self._operation.retention)
        return {package.sha256: package for package in delivered}

    def finish(self, manifests: Mapping[Repository, Manifest]) -> OperationAnswer:
        """Remove the delivery, and those that were set aside long ago."""
        self._incoming.forget(self._number, self._operation)
        self._incoming.prune(self._now)
        entered = {home: manifests[home].entered(self._number) for home in self._homes}
        published = (name for there in entered.values() if there for name in there.published)
        return answer.applied(self._number, answer.generations(entered), published)

    def reject(self, reason: str) -> OperationAnswer:
        """Set the delivery aside."""
        refused = answer.rejected(self._number, reason)
        self._incoming.refuse(self._number, self._operation, refused.reason, self._now)
        return refused

    def _candidates(self) -> Iterable[Repository]:
        """Yield every repository that may be concerned, in a fixed order."""
        operation = self._operation
        homes = (layout.repositories(operation.project, operation.stage, chroot) for chroot in operation.chroots)
        return dict.fromkeys(repository for group in homes for repository in group)


def _additions(
    operation: Publish, delivered: Iterable[Delivered], now: float
) -> Mapping[Repository, tuple[Listed, ...]]:
    """Return the packages that an operation adds to each repository."""
    additions: defaultdict[Repository, dict[str, Listed]] = defaultdict(dict)
    for chroot in operation.chroots:
        for package in delivered:
            name = nevra.parse(package.nevra)
            home = layout.home(operation.project, operation.stage, chroot, name)
            additions[home][package.nevra] = Listed(
                nevra=package.nevra,
                location=layout.location(name),
                sha256=package.sha256,
                built=package.sha256,
                size=package.size,
                source=package.source,
                package=operation.package,
                build=operation.build,
                inputs=operation.inputs,
                since=now,
            )
    return {home: tuple(packages.values()) for home, packages in additions.items()}
