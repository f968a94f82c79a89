"""Step fetch of the source job: resolve the refs and gather every file that the SRPM is made of."""

import hashlib
import os
from contextlib import AbstractContextManager
from pathlib import Path

from builder import files
from builder.errors import InvalidError
from builder.model import Value
from builder.model.attempt import Commit, FailureKind, SourceWork
from builder.model.inputs import SourceFile
from builder.model.project import GitSource
from builder.slave import spec
from builder.slave.access import access
from builder.slave.endings import failed
from builder.slave.mirror import Mirror, mirror
from builder.slave.sources import Checksum, Source, checkout, checksums, inputs_digest, only_spec
from builder.slave.steps.inputs import source_file
from builder.slave.workspace import Workspace

_LONGEST_NAME = 255
"""Bytes that a file's name may have."""


class Gathered(Value, frozen=True, kw_only=True):
    """What an SRPM is made from.

    `home` is the folder with SPECS and SOURCES; `spec` the spec's file name; `inputs` see `SourceFacts`. `written`
    is the spec as it is in its repository, `files` are what else the SRPM holds.
    """

    home: Path
    spec: str
    commits: tuple[Commit, ...]
    inputs: str
    written: SourceFile
    files: tuple[SourceFile, ...]


def fetch(workspace: Workspace, work: SourceWork) -> Gathered:
    """Gather the spec and its sources.

    Raises:
        EndedError: Something that the definition or the spec names is not there, is not what its checksum says, or
            cannot be reached; or the spec does not parse.
    """
    home = workspace.folder("srpm")
    sources = home / "SOURCES"
    sources.mkdir()
    packaging = _packaging(workspace, work, sources)
    try:
        name = only_spec([path.name for path in sources.iterdir()], work.packaging.spec)
        sums = checksums(_text(sources / "sources"))
    except InvalidError as error:
        raise failed(FailureKind.SOURCES, str(error)) from error
    if not spec.regular(sources / name):
        raise failed(FailureKind.SOURCES, f"the spec {name} is not a file")
    (home / "SPECS").mkdir()
    files.move(sources / name, home / "SPECS" / name)
    written = source_file(home / "SPECS" / name, packaging.git)
    origins = dict.fromkeys((path.name for path in sources.iterdir()), packaging.git)
    commits = [packaging]
    if work.upstream is not None:
        commits.append(_upstream(workspace, work, work.upstream, home / "SPECS" / name))
    parsed = spec.parse(workspace, home, name)
    if work.upstream is not None:
        _tarball(_opened(workspace, work, work.upstream), commits[-1], parsed, sources)
        origins[parsed.sources[0].name] = commits[-1].git
    for source in parsed.sources:
        _provide(workspace, source, sources / source.name, sums)
    given = [source_file(sources / one.name, origins.get(one.name) or one.url or "") for one in parsed.sources]
    inputs = inputs_digest(commits, [(file.name, file.sha256) for file in (written, *given)])
    return Gathered(home=home, spec=name, commits=tuple(commits), inputs=inputs, written=written, files=tuple(given))


def _opened(workspace: Workspace, work: SourceWork, place: GitSource) -> AbstractContextManager[Mirror]:
    """The mirror of a repository that the definition names, with the secret that it names for it."""
    return mirror(workspace, place.git, access(work, place))


def _packaging(workspace: Workspace, work: SourceWork, sources: Path) -> Commit:
    """Put the files of the packaging repository into `sources`."""
    with _opened(workspace, work, work.packaging) as repository:
        repository.update(work.packaging.ref)
        commit = repository.resolve(work.packaging)
        repository.export(commit.commit, sources)
    workspace.say(f"packaging: {commit.git} {commit.ref} is {commit.commit} of {commit.date}")
    return commit


def _upstream(workspace: Workspace, work: SourceWork, upstream: GitSource, path: Path) -> Commit:
    """Resolve the upstream commit and write it into the spec, so that the SRPM says by itself what it is."""
    with _opened(workspace, work, upstream) as repository:
        repository.update(upstream.ref)
        commit = repository.resolve(upstream)
        value = checkout(commit, repository.short(commit.commit), work.build)
    workspace.say(f"upstream: {commit.git} {commit.ref} is {commit.commit} of {commit.date}")
    path.write_bytes(f"%global _checkout {value}\n".encode() + path.read_bytes())
    return commit


def _tarball(upstream: AbstractContextManager[Mirror], commit: Commit, parsed: spec.Parsed, sources: Path) -> None:
    """Make the spec's first source from the upstream commit."""
    if not parsed.sources:
        raise failed(FailureKind.SOURCES, "the spec names no source, the first of which is the upstream's tarball")
    path = sources / parsed.sources[0].name
    if path.exists() or path.is_symlink():
        raise failed(FailureKind.SOURCES, f"the packaging repository has {path.name}, which the upstream commit gives")
    with upstream as repository:
        repository.archive(commit.commit, path, prefix=f"{parsed.name}-{parsed.version}")


def _provide(workspace: Workspace, source: Source, path: Path, sums: dict[str, Checksum]) -> None:
    """Have one source at `path`, as its checksum says."""
    if not 0 < len(os.fsencode(source.name)) <= _LONGEST_NAME:
        raise failed(FailureKind.SOURCES, f"the spec names the source {source.name!r}, which can be no file's name")
    if not path.exists() and not path.is_symlink():
        _download(workspace, source, path, sums)
    if not spec.regular(path):
        raise failed(FailureKind.SOURCES, f"the source {source.name} is not a file")
    wanted = sums.get(source.name)
    if wanted is not None:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, wanted.kind).hexdigest()
        if digest != wanted.digest:
            reason = f"the {wanted.kind} checksum of {source.name} is {digest}, sources says {wanted.digest}"
            raise failed(FailureKind.SOURCES, reason)


def _download(workspace: Workspace, source: Source, path: Path, sums: dict[str, Checksum]) -> None:
    if source.url is None:
        reason = f"the spec names the source {source.name}, which is neither in the packaging repository nor a URL"
        raise failed(FailureKind.SOURCES, reason)
    if not source.url.startswith(("http://", "https://")):
        raise failed(FailureKind.SOURCES, f"{source.url} cannot be downloaded: only http and https are")
    if sums and source.name not in sums:
        reason = f"the file sources has no checksum of {source.name}, which is downloaded from {source.url}"
        raise failed(FailureKind.SOURCES, reason)
    from builder.slave.download import download  # noqa: PLC0415 - urllib takes longer to import than all the rest

    download(source.url, path, workspace.say)


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if spec.regular(path) else ""
