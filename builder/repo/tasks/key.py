"""The operation `Key`: a project gets a key, a new one, or has old ones retired.

A new key signs everything at once: each repository gets a generation in which every package and the metadata are signed
with it. The key is made first and the generations follow, so an operation that was cut off finds its key made. Clients
are told to trust a new key before anything that it has signed can be read, but to ask for signatures only when
everything has one.
"""

from collections.abc import Iterable, Mapping, Sequence

from builder.errors import ConflictError, NotFoundError
from builder.model.findings import MOST, Finding, FindingKind, Findings
from builder.model.key import SigningKey
from builder.model.operation import Key, KeyAction
from builder.model.repository import CauseKind
from builder.repo import answer
from builder.repo.answer import OperationAnswer
from builder.repo.draft import Drafts
from builder.repo.incoming import Delivered
from builder.repo.layout import Repository
from builder.repo.manifest import Cause, Manifest
from builder.repo.signing.keys import Keys, Turn

_KINDS = {
    KeyAction.CREATE: CauseKind.KEY_CREATE,
    KeyAction.ROTATE: CauseKind.KEY_ROTATE,
    KeyAction.RETIRE: CauseKind.KEY_RETIRE,
}


class Keying:
    """The operation `number` at the time `now`; see `builder.repo.tasks.task.Task`.

    `homes` are the repositories of the project.
    """

    def __init__(self, number: int, operation: Key, homes: Iterable[Repository], keys: Keys, now: float) -> None:
        self._turn = Turn(operation=number, action=operation.action)
        self._operation = operation
        self._homes = tuple(homes)
        self._keys = keys
        self._now = now

    def answered(self, drafts: Drafts) -> OperationAnswer | None:
        """Return the answer if the project's keys are turned, and the current one has signed every repository."""
        ring = self._keys.ring(self._operation.project)
        manifests = {home: drafts.of(home).before for home in self._homes}
        if self._turn not in ring.turns or any(manifest.key != ring.current for manifest in manifests.values()):
            return None
        return self.finish(manifests)

    def draft(self, drafts: Drafts) -> Mapping[str, Delivered]:
        """Turn the keys, unless that is done, and begin a generation where the current key has not signed."""
        project = self._operation.project
        if self._turn not in self._keys.ring(project).turns:
            self._keys.save(project, self._turn, self._next(self._keys.ring(project).keys))
        if (
            self._operation.action is KeyAction.ROTATE
        ):  # clients trust both before anything is signed by the new one alone
            self._keys.serve(project)
        current = self._keys.ring(project).current
        kind = _KINDS[self._operation.action]
        cause = Cause(number=self._turn.operation, kind=kind, who=self._operation.who, reason=self._operation.reason)
        for draft in [drafts.of(home) for home in self._homes]:
            if draft.before.key != current:
                draft.add(cause, ())
        return {}

    def finish(self, manifests: Mapping[Repository, Manifest]) -> OperationAnswer:
        """Serve the project's public keys to clients, remove all other keys, and answer which they are."""
        self._keys.serve(self._operation.project)
        self._keys.tidy(self._operation.project)
        generations = answer.generations({home: manifests[home].entered(self._turn.operation) for home in self._homes})
        keys = self._keys.ring(self._operation.project).keys
        found = [*_shown(keys), *_orphans(keys, [manifests[home] for home in self._homes])]
        findings = Findings(first=tuple(found[:MOST]), more=max(0, len(found) - MOST))
        return answer.applied(self._turn.operation, generations, findings=findings)

    def reject(self, reason: str) -> OperationAnswer:
        """Return the refusal; a key leaves nothing to put away."""
        return answer.rejected(self._turn.operation, reason)

    def _next(self, keys: Sequence[SigningKey]) -> tuple[SigningKey, ...]:
        """Return the keys that the project has from now on."""
        project, action = self._operation.project, self._operation.action
        if action is KeyAction.CREATE and keys:
            raise ConflictError(f"{project} has a key already: rotate it to get another one")
        if action is not KeyAction.CREATE and not keys:
            raise NotFoundError(f"{project} has no key: create one first")
        if action is KeyAction.RETIRE:
            if len(keys) == 1:
                raise NotFoundError(f"{project} has no old key: rotate its key first")
            return (keys[0],)
        new = SigningKey(fingerprint=self._keys.make(project, self._now), since=self._now)
        return (
            new,
            *(SigningKey(fingerprint=old.fingerprint, since=old.since, until=_end(old, self._now)) for old in keys),
        )


def _end(key: SigningKey, now: float) -> float:
    """Return the time when the key was replaced, where another one replaces the current one now."""
    return now if key.until is None else key.until


def _shown(keys: Iterable[SigningKey]) -> Iterable[Finding]:
    for key in keys:
        text = "signs" if key.until is None else "old; trusted until it is retired"
        yield Finding(kind=FindingKind.KEY, subject=key.fingerprint, text=text)


def _orphans(keys: Iterable[SigningKey], manifests: Iterable[Manifest]) -> Iterable[Finding]:
    """Yield a finding for each generation that can be read, and is signed with a key that is not served any more."""
    served = {key.fingerprint for key in keys}
    for manifest in manifests:
        for past in manifest.past:
            if past.key and past.key not in served:
                where = f"{manifest.repository} generation {past.generation}"
                yield Finding(
                    kind=FindingKind.UNTRUSTED, subject=where[:200], text=f"signed with {past.key}, which is retired"
                )
