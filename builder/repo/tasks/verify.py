"""The operation `Verify`: every digest, link, signature and manifest of a project is looked at. Nothing is changed."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import createrepo_c
import msgspec

from builder import files
from builder.errors import BuilderError, NotFoundError
from builder.model.findings import TEXT, Finding, FindingKind, told
from builder.model.operation import Verify
from builder.repo import answer, layout
from builder.repo.answer import OperationAnswer
from builder.repo.archive import CURRENT, GENERATIONS, MANIFEST, Archive
from builder.repo.draft import Drafts
from builder.repo.generation import metadata_faults
from builder.repo.incoming import Delivered
from builder.repo.layout import Repository
from builder.repo.manifest import Listed, Manifest
from builder.repo.pool import Pool
from builder.repo.signing.keys import Keys
from builder.repo.signing.sign import Signer


class Inspection:
    """An inspection of repositories below `repos`, their packages in the pool, and their signatures.

    It changes nothing.
    """

    def __init__(self, repos: Path, pool: Pool, keys: Keys, signer: Signer) -> None:
        self._repos = repos
        self._pool = pool
        self._keys = keys
        self._signer = signer

    def repository(self, home: Repository) -> Iterator[Finding]:
        """Yield the faults of a repository, each with the way to mend it."""
        archive = Archive(home.path, self._repos / home.path)
        try:
            current = archive.current()
        except (BuilderError, OSError) as error:
            yield _mendable(home, FindingKind.DAMAGED, home.path, str(error))
            return
        yield from self._packages(home, current)
        for number in sorted(current.generations()):
            subject = f"{home.path}/{GENERATIONS}/{number}"
            try:
                manifest = current if number == current.generation else archive.read(number)
                wrong = self.generation(self._repos / subject, manifest)
            except (BuilderError, OSError) as error:
                wrong = [str(error)]
            yield from (_mendable(home, FindingKind.DAMAGED, subject, one) for one in wrong)
        yield from _history(home, archive)

    def generation(self, place: Path, manifest: Manifest) -> Sequence[str]:
        """Return the faults of the generation in `place`, compared with the manifest."""
        try:
            return tuple(self._faults(place, manifest))
        except (BuilderError, OSError, msgspec.MsgspecError, createrepo_c.CreaterepoCError) as error:
            return (str(error),)

    def _faults(self, place: Path, manifest: Manifest) -> Iterator[str]:
        if msgspec.json.decode((place / MANIFEST).read_bytes(), type=Manifest) != manifest:
            yield f"{MANIFEST} is not the one that was written"
        if not (place / "Packages").is_symlink() or str((place / "Packages").readlink()) != "../../Packages":
            yield "Packages is no link to ../../Packages"
        yield from metadata_faults(place / CURRENT, manifest)
        if manifest.key and self._known(manifest.repository, manifest.key):
            self._signer.check_seal(manifest, place / CURRENT)

    def _packages(self, home: Repository, manifest: Manifest) -> Iterator[Finding]:
        signed: defaultdict[str, list[Listed]] = defaultdict(list)
        for location, package in manifest.files().items():
            place = self._repos / home.path / location
            if fault := self._pool.fault(package.sha256):
                yield _mendable(home, FindingKind.DAMAGED, package.nevra, f"{location} {fault}")
            if not place.is_file():
                yield _mendable(home, FindingKind.MISSING, package.nevra, f"{location} is not there")
            elif files.sha256(place) != package.sha256:
                yield _mendable(home, FindingKind.DAMAGED, package.nevra, f"{location} is damaged")
            elif package.key and self._known(home.path, package.key):
                signed[package.key].append(package)
        for key, packages in signed.items():
            yield from self._signatures(home, key, packages)

    def _signatures(self, home: Repository, key: str, packages: Sequence[Listed]) -> Iterator[Finding]:
        """Yield a finding for each package that is not signed with its key.

        They are checked one by one only if not all are signed.
        """
        places = [self._repos / home.path / package.location for package in packages]
        try:
            self._signer.check_packages(home.project, key, places)
        except BuilderError as error:
            if len(packages) > 1:
                for package in packages:
                    yield from self._signatures(home, key, [package])
                return
            text = f"{error}; withdraw it, and build it again with a new release"
            yield Finding(kind=FindingKind.SIGNATURE, subject=packages[0].nevra, text=text)

    def _known(self, name: str, key: str) -> bool:
        """Tell if a key is there: signatures of a retired one cannot be checked any more."""
        return self._keys.public(layout.project_of(name), key).exists()


class Verifying:
    """The operation `number`; see `builder.repo.tasks.task.Task`. `homes` are all repositories of its project."""

    def __init__(self, number: int, operation: Verify, homes: tuple[Repository, ...], inspection: Inspection) -> None:
        self._number = number
        self._operation = operation
        self._homes = homes
        self._inspection = inspection

    def answered(self, drafts: Drafts) -> OperationAnswer | None:
        """Return None: the repositories are looked at each time."""

    def draft(self, drafts: Drafts) -> Mapping[str, Delivered]:  # noqa: ARG002 - a damaged repository has no draft
        """Check that the project has a repository; nothing is changed."""
        if not self._homes:
            raise NotFoundError(f"there is no repository of a project {self._operation.project}")
        return {}

    def finish(self, manifests: Mapping[Repository, Manifest]) -> OperationAnswer:  # noqa: ARG002 - what is there is looked at
        """Look at everything, and say in the first finding how much that was."""
        wrong = [finding for home in self._homes for finding in self._inspection.repository(home)]
        text = f"{len(self._homes)} repositories: {len(wrong) or 'no'} faults"
        summary = Finding(kind=FindingKind.VERIFIED, subject=self._operation.project, text=text)
        return answer.applied(self._number, (), findings=told([summary, *wrong]))

    def reject(self, reason: str) -> OperationAnswer:
        """Return the refusal; an inspection leaves nothing to put away."""
        return answer.rejected(self._number, reason)


def _mendable(home: Repository, kind: FindingKind, subject: str, what: str) -> Finding:
    """Return the finding on a fault, with the command that mends it, for which room is kept."""
    mend = f"; mend it: builder repo rebuild {home.path}"
    return Finding(kind=kind, subject=subject, text=what[: TEXT - len(mend)] + mend)


def _history(home: Repository, archive: Archive) -> Iterable[Finding]:
    """Yield a finding for each manifest of a past generation that cannot be read."""
    for number in archive.generations():
        try:
            archive.read(number)
        except BuilderError as error:
            text = f"{error}; put it back from a copy, or do without going back to it"
            yield Finding(kind=FindingKind.HISTORY, subject=f"{home.path} {number}", text=text)
