"""Operations carried out: first everything is decided, then everything is made, then every repository is switched.

Operations that are given together share a generation per repository. Each step may be cut off at any point and be done
again: nothing is seen of an operation until all its generations are made, and once that is written down it is only
finished, never refused. A repository whose current manifest has an operation's number has applied it, and what an
attempt delivered is removed from `incoming/` only when every repository has.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from twisted.logger import Logger

from builder import files
from builder.errors import BuilderError, ConflictError, DigestError, InvalidError, NotFoundError
from builder.model.operation import (
    Carry,
    Drop,
    Key,
    NumberedOperation,
    Pin,
    Prepare,
    Promote,
    Prune,
    Publish,
    Rebuild,
    Rollback,
    Undo,
    Verify,
)
from builder.repo import index, layout
from builder.repo.answer import OperationAnswer
from builder.repo.archive import Archive, repositories
from builder.repo.draft import Drafts
from builder.repo.generation import Generations
from builder.repo.headers import HeaderReader
from builder.repo.incoming import Delivered, Incoming
from builder.repo.index import PackageRecord
from builder.repo.layout import Repository
from builder.repo.manifest import Manifest
from builder.repo.pool import Pool
from builder.repo.rejected import RejectedDeliveries
from builder.repo.relations import Kinship, Relations
from builder.repo.signing.keys import Keys
from builder.repo.signing.sign import GenerationChange, Signer
from builder.repo.switching import Switch, Switching
from builder.repo.tasks.carry import Carrying
from builder.repo.tasks.drop import Dropping
from builder.repo.tasks.key import Keying
from builder.repo.tasks.pin import Pinning
from builder.repo.tasks.prepare import Preparing
from builder.repo.tasks.promote import Promoting, separate
from builder.repo.tasks.prune import Pruning
from builder.repo.tasks.publish import Publishing
from builder.repo.tasks.rebuild import Rebuilding
from builder.repo.tasks.rollback import Rolling
from builder.repo.tasks.task import Task
from builder.repo.tasks.undo import Undoing
from builder.repo.tasks.verify import Inspection, Verifying
from builder.state import StateFolder

_REFUSALS = (InvalidError, DigestError, ConflictError, NotFoundError)
"""Errors that are the operation's own fault; all others are the farm's, and the operation is tried again."""

_log = Logger()


class Operations:
    """The repositories of a state folder, and the operations on them. It blocks.

    Several threads may carry out operations, each those of another project. Folders, keys and what is in `staging`
    belong to one project; the pool and the rejected deliveries belong to all, and have locks of their own. What is
    kept in memory is entered whole and is the same whoever enters it. createrepo_c keeps nothing between two calls,
    and rpm and libsolv, which do, read packages in processes of their own.

    `now` is the wall clock in seconds since the epoch, `read` reads the headers of foreign RPMs.
    """

    def __init__(self, state: StateFolder, now: Callable[[], float], read: HeaderReader) -> None:
        self._state = state
        self._repos = state.repos
        self._staging = state.staging
        linked = (state.incoming, state.rejected, state.pool, state.keys, state.repos, state.staging)
        self._folders = (*linked, state.switching)
        self._rejected = RejectedDeliveries(state.rejected)
        self._incoming = Incoming(state, self._rejected, read)
        self._pool = Pool(state, read)
        self._switching = Switching(state.switching)
        self._keys = Keys(state.keys, state.staging, state.repos)
        self._signer = Signer(self._keys, self._pool, self._staging, read)
        self._inspection = Inspection(self._repos, self._pool, self._keys, self._signer)
        self._relations: dict[str, Relations] = {}
        self._generations: dict[str, Generations] = {}
        self._now = now

    def recover(self) -> None:
        """Finish or remove what an earlier life has begun; `InvalidError` if the folders are not on one file system.

        A repository where that is not possible is left as it is, and does not hold up the others.
        """
        for folder in self._folders:
            files.make_folder(folder)
        if len({folder.stat().st_dev for folder in self._folders}) > 1:
            names = ", ".join(folder.name for folder in self._folders)
            raise InvalidError(f"{names} in {self._state.path} must be on one file system: packages are linked")
        for leftover in self._staging.iterdir():
            files.remove_tree(leftover)
        for kept in (self._keys, self._switching, self._rejected):
            kept.recover()
        there = tuple(repositories(self._repos))
        for name in there:
            self._pool.await_word_of(name)
        for name in there:
            try:
                self._current(name)
            except (BuilderError, OSError) as error:
                _log.error("nothing can be published in {name}: {error}", name=name, error=error)
        self._pool.sweep()
        self._incoming.prune(self._now())

    def carry_out(self, operations: Iterable[NumberedOperation]) -> Sequence[OperationAnswer]:
        """Apply or reject operations of one project; no other thread is given operations of it meanwhile.

        Any error is the farm's fault, and all operations may be given again.

        Raises:
            BuilderError: A repository is damaged, or something is not to be had at the moment.
            OSError: The disk is full, or broken.
        """
        return [answer for together in separate(operations) for answer in self._together(together)]

    def _together(self, operations: Iterable[NumberedOperation]) -> Sequence[OperationAnswer]:
        """Carry out operations that share generations."""
        now = self._now()
        delivered: dict[str, Delivered] = {}
        kinship = Kinship(lambda sha256: self._record(sha256, delivered), self._relations)
        drafts = Drafts(lambda repository: self._current(repository.path), kinship)
        taken: list[Task] = []
        answers: list[OperationAnswer] = []
        for operation in operations:
            task = self._task(operation, now)
            try:
                answer = task.answered(drafts)
                if answer is None:
                    delivered |= task.draft(drafts)
                    taken.append(task)
            except _REFUSALS as error:
                answer = task.reject(str(error))
            if answer is not None:
                answers.append(answer)
        manifests = drafts.results(now)
        changes = {home: (drafts.of(home).before, after) for home, after in manifests.items()}
        changes = {home: (before, after) for home, (before, after) in changes.items() if after is not before}
        manifests |= self._publish(changes, delivered)
        return (*answers, *(task.finish(manifests) for task in taken))

    def _task(self, numbered: NumberedOperation, now: float) -> Task:  # noqa: C901, PLR0911 - one for each kind of operation
        match numbered.operation:
            case Publish() as operation:
                return Publishing(numbered.number, operation, self._incoming, now)
            case Key() as operation:
                return Keying(numbered.number, operation, self._homes(operation.project), self._keys, now)
            case Carry() as operation:
                return Carrying(numbered.number, operation, self._homes(operation.project))
            case Promote() as operation:
                return Promoting(
                    numbered.number, operation, self._homes(operation.project), self._folder, self._pool, now
                )
            case Prepare() as operation:
                return Preparing(numbered.number, operation)
            case Rollback() as operation:
                return Rolling(numbered.number, operation, self._archive, self._pool)
            case Undo() as operation:
                return Undoing(numbered.number, operation, self._homes(operation.project), self._archive, self._pool)
            case Pin() as operation:
                return Pinning(numbered.number, operation)
            case Prune() as operation:
                return Pruning(numbered.number, operation, self._homes(operation.project), self._archive, now)
            case Drop() as operation:
                return Dropping(numbered.number, operation, self._rejected, self._staging)
            case Verify() as operation:
                return Verifying(numbered.number, operation, self._homes(operation.project), self._inspection)
            case Rebuild() as operation:
                return Rebuilding(numbered.number, operation, self._rebuild)

    def _publish(
        self, changes: Mapping[Repository, GenerationChange], delivered: Mapping[str, Delivered]
    ) -> Mapping[Repository, Manifest]:
        """Make these changes, signed, to a project's repositories, all or none; return the manifests current then."""
        if not changes:
            return {}
        project = next(iter(changes)).project
        made, copies = self._signer.sign(project, changes, delivered)
        manifests = tuple(made.values())
        for manifest in manifests:
            self._of(manifest.repository).make(manifest, {**delivered, **copies})
        self._signer.clear(project)
        switches = (Switch(repository=after.repository, generation=after.generation) for after in manifests)
        self._switching.begin(project, tuple(switches))
        self._switch(project)
        for manifest in manifests:
            self._of(manifest.repository).tidy(manifest)
        return made

    def _switch(self, project: str) -> None:
        """Switch the repositories to the generations that were decided."""
        for switch in self._switching.pending(project):
            self._of(switch.repository).switch(switch.generation)
        self._switching.end(project)

    def _current(self, name: str) -> Manifest:
        self._switch(layout.project_of(name))
        return self._of(name).current()

    def _rebuild(self, repository: Repository) -> tuple[str, ...]:
        if repository not in self._homes(repository.project):
            raise NotFoundError(f"there is no repository {repository.path}")
        self._switch(repository.project)
        return self._of(repository.path).rebuild(self._inspection.generation)

    def _record(self, sha256: str, delivered: Mapping[str, Delivered]) -> PackageRecord:
        """Return the record of a package that is in the pool, or on its way there."""
        return index.load(delivered[sha256].record) if sha256 in delivered else next(self._pool.records([sha256]))

    def _archive(self, repository: Repository) -> Archive:
        return Archive(repository.path, self._folder(repository))

    def _folder(self, repository: Repository) -> Path:
        return self._repos / repository.path

    def _homes(self, project: str) -> tuple[Repository, ...]:
        """Return all repositories of a project that are there."""
        return tuple(layout.parse(name) for name in repositories(self._repos, project))

    def _of(self, name: str) -> Generations:
        if name not in self._generations:
            staging = self._staging / name.replace("/", "+")
            self._generations[name] = Generations(name, self._repos / name, staging, self._pool, self._signer.seal)
        return self._generations[name]
