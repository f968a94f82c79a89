"""Carrying out operations: first everything is decided, then everything is done, each repository by one rename.

Operations that are given together share a generation per repository. Each step may be cut off at any point and be done
again: a repository whose current manifest has an operation's number has applied it, and what an attempt delivered is
removed from `incoming/` only when every repository has.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from builder import files, nevra
from builder.errors import ConflictError, DigestError, InvalidError, NotFoundError
from builder.model.operation import Operation, Prepare, Publish, PublishedIn
from builder.repo import generation, layout
from builder.repo.draft import Draft
from builder.repo.headers import HeaderReader
from builder.repo.incoming import Delivered, Incoming, Refusal
from builder.repo.layout import Repository
from builder.repo.manifest import Listed, Manifest, nothing
from builder.repo.pool import Pool
from builder.wire import Applied, Rejected

_REFUSALS = (InvalidError, DigestError, ConflictError, NotFoundError)
"""What is the operation's own fault; anything else is the farm's, and is tried again."""
_REASON = 4000
"""Characters that the answer `Rejected` has room for."""
_PUBLISHED = 300
"""How many NEVRAs the answer `Applied` has room for, since it is one box of the wire."""
_GENERATIONS = 200
"""How many repositories it has room for."""

Answer = Applied | Rejected
_Additions = Mapping[Repository, tuple[Listed, ...]]


class Operations:
    """The repositories of a state folder, and what is done to them. It blocks: one thread at a time may call it.

    `now` is the wall clock in seconds since the epoch, `read` reads the headers of foreign RPMs.
    """

    def __init__(self, state: Path, now: Callable[[], float], read: HeaderReader) -> None:
        self._repos = state / "repos"
        self._staging = state / "staging"
        self._folders = (state / "incoming", state / "rejected", state / "pool", self._repos, self._staging)
        self._incoming = Incoming(state / "incoming", state / "rejected", read)
        self._pool = Pool(state / "pool")
        self._now = now
        self._clean = False

    def recover(self) -> None:
        """Remove what was begun and not finished; `InvalidError` if the folders are not on one file system."""
        for folder in self._folders:
            files.make_folder(folder)
        if len({folder.stat().st_dev for folder in self._folders}) > 1:
            names = ", ".join(folder.name for folder in self._folders)
            raise InvalidError(f"{names} in {self._repos.parent} must be on one file system: packages are linked")
        for leftover in self._staging.iterdir():
            files.remove_tree(leftover)
        for folder in generation.repositories(self._repos):
            generation.sweep(folder, self._staging)
        self._pool.sweep()
        self._clean = True

    def carry_out(self, operations: Iterable[Operation]) -> tuple[Answer, ...]:
        """Apply or reject each operation; what this raises is the farm's fault, and all may be given again."""
        if not self._clean:
            self.recover()
        self._clean = False
        answers = self._carry_out(operations)
        self._clean = True
        return answers

    def _carry_out(self, operations: Iterable[Operation]) -> tuple[Answer, ...]:
        now = self._now()
        drafts: dict[Repository, Draft] = {}
        delivered: dict[str, Delivered] = {}
        taken: list[Operation] = []
        answers: list[Answer] = []
        for operation in sorted(operations, key=lambda operation: operation.number):
            try:
                answer = self._answered(operation)
                if answer is None:
                    delivered |= self._draft(operation, drafts, now)
                    taken.append(operation)
            except _REFUSALS as error:
                answer = self._reject(operation, str(error))
            if answer is not None:
                answers.append(answer)
        manifests = {
            repository: self._publish(repository, draft.before, draft.result(now), delivered)
            for repository, draft in drafts.items()
        }
        return (*answers, *(self._finish(operation, manifests) for operation in taken))

    def _answered(self, operation: Operation) -> Answer | None:
        """The answer to an operation of which only the answer is missing."""
        order = operation.order
        if isinstance(order, Prepare):
            return None
        refusal = self._incoming.refusal(operation.number, order)
        if refusal is not None:
            self._incoming.set_aside(refusal)
            return Rejected(number=operation.number, reason=refusal.reason)
        if self._incoming.path(order).exists():
            return None
        applied = _applied(operation, {repository: self._current(repository) for repository in _homes(order)})
        return applied if applied.generations else None

    def _draft(self, operation: Operation, drafts: dict[Repository, Draft], now: float) -> dict[str, Delivered]:
        """Let `operation` into all its drafts or, raising why not, into none; returns its files by their digests."""
        order = operation.order
        rules = order.retention if isinstance(order, Publish) else None
        delivered = self._incoming.packages(order) if isinstance(order, Publish) else ()
        additions = _additions(order, delivered, now)
        for repository in additions:
            drafts.setdefault(repository, Draft(self._current(repository)))
        pending = {
            repository: packages
            for repository, packages in additions.items()
            if not _has(drafts[repository].before, operation, packages)
        }
        for repository, packages in pending.items():
            drafts[repository].check(packages)
        for repository, packages in pending.items():
            drafts[repository].add(operation.number, packages, rules)
        return {package.record.sha256: package for package in delivered}

    def _publish(
        self, repository: Repository, before: Manifest, after: Manifest, delivered: Mapping[str, Delivered]
    ) -> Manifest:
        """Make `after` the repository's current generation, unless it is, and tidy up behind it."""
        if after is not before:
            folder = self._repos / repository.path
            for sha256 in _digests(after) & delivered.keys():
                self._pool.take(delivered[sha256].file, delivered[sha256].record)
            generation.publish(folder, after, self._pool, self._staging)
            generation.sweep(folder, self._staging)
            self._pool.discard(_digests(before) - _digests(after))
        return after

    def _finish(self, operation: Operation, manifests: Mapping[Repository, Manifest]) -> Answer:
        if isinstance(operation.order, Publish):
            self._incoming.forget(operation.order, self._staging)
        return _applied(operation, manifests)

    def _reject(self, operation: Operation, reason: str) -> Rejected:
        reason = "".join(letter if letter.isprintable() else "?" for letter in reason[:_REASON])
        if isinstance(operation.order, Publish):
            order = operation.order
            refusal = Refusal(operation=operation.number, order=order, reason=reason, time=self._now())
            self._incoming.set_aside(refusal)
        return Rejected(number=operation.number, reason=reason)

    def _current(self, repository: Repository) -> Manifest:
        return generation.current(self._repos / repository.path) or nothing(repository.path)


def _homes(order: Publish | Prepare) -> dict[Repository, None]:
    """Every repository that an order may concern, in a fixed order."""
    stages = order.stages if isinstance(order, Prepare) else (order.stage,)
    return dict.fromkeys(
        repository
        for stage in stages
        for chroot in order.chroots
        for repository in layout.repositories(order.project, stage, chroot)
    )


def _additions(order: Publish | Prepare, delivered: Iterable[Delivered], now: float) -> _Additions:
    """Which packages an order adds to which repositories; a `Prepare` names all of them and adds nothing."""
    if isinstance(order, Prepare):
        return dict.fromkeys(_homes(order), ())
    additions: defaultdict[Repository, dict[str, Listed]] = defaultdict(dict)
    for chroot in order.chroots:
        for package in delivered:
            name = nevra.parse(package.record.nevra)
            home = layout.home(order.project, order.stage, chroot, name)
            additions[home][package.record.nevra] = Listed(
                nevra=package.record.nevra,
                location=layout.location(name),
                sha256=package.record.sha256,
                size=package.size,
                source=package.record.source,
                package=order.package,
                build=order.build,
                since=now,
            )
    return {home: tuple(packages.values()) for home, packages in additions.items()}


def _has(manifest: Manifest, operation: Operation, packages: Iterable[Listed]) -> bool:
    """Whether a repository has what an operation brings, by that operation's number.

    Where the number is there with other packages, it was given twice: the master's database was set back.
    """
    if isinstance(operation.order, Prepare):
        return manifest.generation > 0
    entered = manifest.entered(operation.number)
    return entered is not None and entered.published == tuple(package.nevra for package in packages)


def _applied(operation: Operation, manifests: Mapping[Repository, Manifest]) -> Applied:
    """What the repositories' manifests say has become of an operation."""
    generations: list[PublishedIn] = []
    published: dict[str, None] = {}
    for repository in _homes(operation.order):
        manifest = manifests.get(repository, nothing(repository.path))
        entered = manifest.entered(operation.number)
        if entered is not None:
            generations.append(PublishedIn(repository=repository.path, generation=entered.generation))
            published |= dict.fromkeys(entered.published)
        elif isinstance(operation.order, Prepare) and manifest.generation:
            generations.append(PublishedIn(repository=repository.path, generation=manifest.generation))
    return Applied(
        number=operation.number,
        generations=tuple(generations[:_GENERATIONS]),
        published=tuple(published)[:_PUBLISHED],
    )


def _digests(manifest: Manifest) -> frozenset[str]:
    return frozenset(package.sha256 for package in manifest.files().values())
