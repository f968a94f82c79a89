"""Step fetch of the source job: resolve the refs and gather every file that the SRPM is made of."""

import os
from contextlib import AbstractContextManager
from pathlib import Path

from builder import files
from builder.attempt.endings import failed
from builder.errors import InvalidError
from builder.model import Value
from builder.model.attempt import Commit, FailureKind
from builder.model.inputs import SourceFile
from builder.model.options import Options
from builder.model.package import GitSource
from builder.model.work import SourceWork
from builder.runner import spec
from builder.runner.sources import cache
from builder.runner.sources.access import access
from builder.runner.sources.mirror import Mirror, mirror
from builder.runner.sources.named import Checksum, Source, checkout, checksums, inputs_digest, only_spec
from builder.runner.sources.submodules import packed, submodules, with_submodules
from builder.runner.steps.inputs import source_file
from builder.runner.workspace import Workspace

_LONGEST_NAME = 255
"""Bytes that a file's name may have."""


class Gathered(Value, frozen=True, kw_only=True):
    """The sources of an SRPM, gathered.

    `home` is the folder with SPECS and SOURCES; `spec` the spec's file name, `options` what rpm is told with it;
    `inputs` see `SourceFacts`. `written` is the spec as it is in its repository, `files` are what else the SRPM
    holds.
    """

    home: Path
    spec: str
    options: Options
    commits: tuple[Commit, ...]
    inputs: str
    written: SourceFile
    files: tuple[SourceFile, ...]


def fetch(workspace: Workspace, work: SourceWork) -> Gathered:
    """Gather the spec and its sources.

    Raises:
        EndedError: A thing that the definition or the spec names is not there, is not what its checksum says, or
            cannot be reached; or the spec does not parse.
    """
    tree = workspace.folder("packaging")
    packaging = _packaging(workspace, work, tree)
    home, name, sums = _laid_out(workspace, tree, work.packaging.spec)
    sources = home / "SOURCES"
    written = source_file(home / "SPECS" / name, packaging.git)
    origins = dict.fromkeys((path.name for path in sources.iterdir()), packaging.git)
    commits = [packaging]
    if work.upstream is not None:
        commits.append(_upstream(workspace, work, work.upstream, packaging))
        _write_checkout(workspace, work, work.upstream, commits[-1], home / "SPECS" / name)
    parsed = spec.parse(workspace, home, name, work.options)
    if work.upstream is not None:
        _tarball(workspace, work, work.upstream, commits[-1], parsed, sources)
        origins[parsed.sources[0].name] = commits[-1].git
    for source in parsed.sources:
        _provide(workspace, work.project, source, sources / source.name, sums)
    given = [source_file(sources / one.name, origins.get(one.name) or one.url or "") for one in parsed.sources]
    inputs = inputs_digest(commits, [(file.name, file.sha256) for file in (written, *given)], work.chosen)
    return Gathered(
        home=home,
        spec=name,
        options=work.options,
        commits=tuple(commits),
        inputs=inputs,
        written=written,
        files=tuple(given),
    )


def _opened(workspace: Workspace, work: SourceWork, place: GitSource) -> AbstractContextManager[Mirror]:
    """Return the mirror of a repository that the definition names, with the secret that it names for it."""
    return mirror(workspace, place.git, access(work, place))


def _packaging(workspace: Workspace, work: SourceWork, tree: Path) -> Commit:
    """Put the files of the packaging repository into `tree`."""
    with _opened(workspace, work, work.packaging) as repository:
        repository.update(work.packaging.ref)
        commit = repository.resolve(work.packaging)
        repository.export(commit.commit, tree)
    workspace.say(f"packaging: {commit.git} {commit.ref} is {commit.commit} of {commit.date}")
    return commit


def _laid_out(workspace: Workspace, tree: Path, wanted: str | None) -> tuple[Path, str, dict[str, Checksum]]:
    """Make a folder as rpmbuild wants it; return it, the spec's name in its SPECS, and the checksums beside the spec.

    Files beside the spec become SOURCES.
    """
    try:
        path = tree / only_spec(_candidates(tree, wanted), wanted)
        sums = checksums(_text(path.parent / "sources"))
    except InvalidError as error:
        raise failed(FailureKind.SOURCES, str(error)) from error
    if not spec.regular(path):
        raise failed(FailureKind.SOURCES, f"the spec {path.relative_to(tree)} is not a file")
    home = workspace.folder("srpm")
    (home / "SPECS").mkdir()
    files.move(path, home / "SPECS" / path.name)
    files.move(path.parent, home / "SOURCES")
    return home, path.name, sums


def _candidates(tree: Path, wanted: str | None) -> list[str]:
    """Return the paths in `tree` of all that could be the spec; no link is followed."""
    found = [Path(folder, name).relative_to(tree) for folder, _, names in os.walk(tree) for name in names]
    return [str(path) for path in found if path.suffix == ".spec" or str(path) == wanted]


def _upstream(workspace: Workspace, work: SourceWork, upstream: GitSource, packaging: Commit) -> Commit:
    """Resolve the upstream commit, which is that of the packaging where both are the same place."""
    same = (upstream.git, upstream.ref, upstream.secret)
    if (work.packaging.git, work.packaging.ref, work.packaging.secret) == same:
        return packaging
    with _opened(workspace, work, upstream) as repository:
        repository.update(upstream.ref)
        commit = repository.resolve(upstream)
    workspace.say(f"upstream: {commit.git} {commit.ref} is {commit.commit} of {commit.date}")
    return commit


def _write_checkout(workspace: Workspace, work: SourceWork, upstream: GitSource, commit: Commit, path: Path) -> None:
    """Write the upstream commit into the spec, so that the SRPM says by itself what it is."""
    with _opened(workspace, work, upstream) as repository:
        value = checkout(commit, repository.short(commit.commit), work.build)
    path.write_bytes(f"%global _checkout {value}\n".encode() + path.read_bytes())


def _tarball(
    workspace: Workspace, work: SourceWork, upstream: GitSource, commit: Commit, parsed: spec.Parsed, sources: Path
) -> None:
    """Make the spec's first source from the upstream commit, with its submodules."""
    if not parsed.sources:
        raise failed(FailureKind.SOURCES, "the spec names no source, the first of which is the upstream's tarball")
    path = sources / parsed.sources[0].name
    if path.exists() or path.is_symlink():
        raise failed(FailureKind.SOURCES, f"the packaging repository has {path.name}, which the upstream commit gives")
    prefix = f"{parsed.name}-{parsed.version}"
    with _opened(workspace, work, upstream) as repository:
        found = submodules(repository, commit.commit, upstream.git, prefix)
        archive = workspace.work / "upstream.tar" if found else path
        repository.archive(commit.commit, archive, prefix)
    if found:
        with_submodules(workspace, found, archive)
        packed(workspace, archive, path)


def _provide(workspace: Workspace, project: str, source: Source, path: Path, sums: dict[str, Checksum]) -> None:
    """Put one source at `path`, as its checksum says."""
    if not 0 < len(os.fsencode(source.name)) <= _LONGEST_NAME:
        raise failed(FailureKind.SOURCES, f"the spec names the source {source.name!r}, which can be no file's name")
    wanted = sums.get(source.name)
    if path.exists() or path.is_symlink():
        _check(path, wanted)
        return
    url = _address(source, sums)
    if wanted and cache.take(workspace, project, wanted, path):
        return
    from builder.runner.sources.download import download  # noqa: PLC0415 - urllib takes longer to import than all the rest

    download(url, path, workspace.say)
    _check(path, wanted)
    if wanted:
        cache.keep(workspace, project, wanted, path)


def _check(path: Path, wanted: Checksum | None) -> None:
    if not spec.regular(path):
        raise failed(FailureKind.SOURCES, f"the source {path.name} is not a file")
    digest = cache.digest_of(path, wanted.kind) if wanted else ""
    if wanted and digest != wanted.digest:
        reason = f"the {wanted.kind.value} checksum of {path.name} is {digest}, sources says {wanted.digest}"
        raise failed(FailureKind.SOURCES, reason)


def _address(source: Source, sums: dict[str, Checksum]) -> str:
    """Return the URL of a source."""
    if source.url is None:
        reason = f"the spec names the source {source.name}, which is neither in the packaging repository nor a URL"
        raise failed(FailureKind.SOURCES, reason)
    if not source.url.startswith(("http://", "https://")):
        raise failed(FailureKind.SOURCES, f"{source.url} cannot be downloaded: only http and https are")
    if sums and source.name not in sums:
        reason = f"the file sources has no checksum of {source.name}, which is downloaded from {source.url}"
        raise failed(FailureKind.SOURCES, reason)
    return source.url


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if spec.regular(path) else ""
