"""Carrying out `Publish`: what one attempt has delivered comes into the repositories of its chroots."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from builder import nevra
from builder.model.operation import Publish
from builder.repo import answer, layout
from builder.repo.answer import Answer
from builder.repo.draft import Drafts
from builder.repo.incoming import Delivered, Incoming
from builder.repo.layout import Repository
from builder.repo.manifest import Cause, Listed, Manifest


class Publishing:
    """The operation `number`, carried out at the time `now`; see `builder.repo.operations.Task`."""

    def __init__(self, number: int, order: Publish, incoming: Incoming, now: float) -> None:
        self._number = number
        self._order = order
        self._incoming = incoming
        self._now = now
        self._homes: tuple[Repository, ...] = ()

    def answered(self, drafts: Drafts) -> Answer | None:
        """What was delivered has gone when it was published, and when it was refused."""
        reason = self._incoming.refusal(self._number, self._order)
        if reason is not None:
            return answer.rejected(self._number, reason)
        if self._incoming.path(self._order).exists():
            return None
        manifests = {repository: drafts.of(repository).before for repository in self._candidates()}
        self._homes = tuple(home for home in manifests if manifests[home].entered(self._number))
        return self.finish(manifests) if self._homes else None

    def draft(self, drafts: Drafts) -> Mapping[str, Delivered]:
        """Add the packages to all their repositories or, raising why not, to none."""
        delivered = self._incoming.packages(self._number, self._order)
        additions = _additions(self._order, delivered, self._now)
        self._homes = tuple(home for home in self._candidates() if home in additions)
        pending = {
            home: packages for home, packages in additions.items() if not drafts.of(home).has(self._number, packages)
        }
        for home, packages in pending.items():
            drafts.of(home).check(packages)
        cause = Cause(number=self._number, kind="publish")
        for home, packages in pending.items():
            drafts.of(home).add(cause, packages, self._order.retention)
        return {package.sha256: package for package in delivered}

    def finish(self, manifests: Mapping[Repository, Manifest]) -> Answer:
        """Remove what was delivered, and what was set aside long ago."""
        self._incoming.forget(self._number, self._order)
        self._incoming.prune(self._now)
        entered = {home: manifests[home].entered(self._number) for home in self._homes}
        published = (name for there in entered.values() if there for name in there.published)
        return answer.applied(self._number, answer.generations(entered), published)

    def reject(self, reason: str) -> Answer:
        """Set what was delivered aside."""
        refused = answer.rejected(self._number, reason)
        self._incoming.refuse(self._number, self._order, refused.reason, self._now)
        return refused

    def _candidates(self) -> Iterable[Repository]:
        """Every repository that may be concerned, in a fixed order."""
        order = self._order
        homes = (layout.repositories(order.project, order.stage, chroot) for chroot in order.chroots)
        return dict.fromkeys(repository for group in homes for repository in group)


def _additions(order: Publish, delivered: Iterable[Delivered], now: float) -> Mapping[Repository, tuple[Listed, ...]]:
    """Which packages an order adds to which repositories."""
    additions: defaultdict[Repository, dict[str, Listed]] = defaultdict(dict)
    for chroot in order.chroots:
        for package in delivered:
            name = nevra.parse(package.nevra)
            home = layout.home(order.project, order.stage, chroot, name)
            additions[home][package.nevra] = Listed(
                nevra=package.nevra,
                location=layout.location(name),
                sha256=package.sha256,
                built=package.sha256,
                size=package.size,
                source=package.source,
                package=order.package,
                build=order.build,
                inputs=order.inputs,
                since=now,
            )
    return {home: tuple(packages.values()) for home, packages in additions.items()}
