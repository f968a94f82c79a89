"""Generations: the states of one repository, each an immutable tree, one of them current.

    Packages/h/hello-1.0-1.x86_64.rpm                   hard links into the pool
    repodata -> generations/123/repodata                the current one, for clients that know only this address
    generations/123/{repodata, Packages -> ../../Packages, manifest.json}

A generation is made beside, verified, synced, moved to its place, and becomes current by one rename. The current
manifest names everything that belongs into the folder; the rest is swept away.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from builder import files
from builder.errors import InternalError, VersionError
from builder.repo import metadata
from builder.repo.manifest import Manifest
from builder.repo.pool import Pool

_MANIFEST = "manifest.json"
_CURRENT = "repodata"
_GENERATIONS = "generations"
_PACKAGES = "Packages"


def current(folder: Path) -> Manifest | None:
    """The manifest of the repository in `folder`, or None if nothing was ever published there."""
    link = folder / _CURRENT
    if not link.is_symlink():
        return None
    path = folder / link.readlink().parent / _MANIFEST
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    except msgspec.MsgspecError as error:
        raise VersionError(f"{path} cannot be read by this version: {error}") from error


def publish(folder: Path, manifest: Manifest, pool: Pool, staging: Path) -> None:
    """Make what `manifest` says the current generation of the repository in `folder`.

    The pool has all its packages. `staging` is empty and on the same file system; what is begun there is worth nothing.
    """
    beside = staging / "generation"
    _make(beside, manifest, pool)
    files.make_folder(folder / _GENERATIONS)
    files.make_folder(folder / _PACKAGES)
    _link(folder, manifest, pool)
    _verify(beside, manifest)
    place = folder / _GENERATIONS / str(manifest.generation)
    files.move(beside, place)
    files.symlink(f"{_GENERATIONS}/{manifest.generation}/repodata", folder / _CURRENT)


def _make(beside: Path, manifest: Manifest, pool: Pool) -> None:
    """Write a generation to `beside`, durably."""
    repodata = beside / "repodata"
    repodata.mkdir(parents=True)
    digests = (listed.sha256 for listed in manifest.packages)
    metadata.write(repodata, pool.records(digests), len(manifest.packages), manifest.created)
    for path in sorted(repodata.iterdir()):
        files.sync(path)
    files.sync(repodata)
    files.symlink(f"../../{_PACKAGES}", beside / _PACKAGES)
    files.write(beside / _MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=1))


def _link(folder: Path, manifest: Manifest, pool: Pool) -> None:
    """Put the files of the packages into their places, before any metadata names them."""
    touched = set()
    for location, package in manifest.files().items():
        path = folder / location
        if not path.exists():
            files.make_folder(path.parent)
            files.link(pool.path(package.sha256), path)
            touched.add(path.parent)
    for parent in sorted(touched):
        files.sync(parent)


def _verify(beside: Path, manifest: Manifest) -> None:
    """Nothing becomes current that a client would find wanting."""
    faults = metadata.faults(beside / "repodata", len(manifest.packages))
    if faults:
        raise InternalError(f"generation {manifest.generation} of {manifest.repository}: {'; '.join(faults)}")


def sweep(folder: Path, staging: Path) -> None:
    """Remove from the repository in `folder` what its current manifest does not name."""
    manifest = current(folder)
    generations = manifest.generations() if manifest else frozenset()
    kept = manifest.files() if manifest else {}
    for path in _entries(folder / _GENERATIONS):
        if path.name not in {str(number) for number in generations}:
            files.discard(path, staging)
    for letter in _entries(folder / _PACKAGES):
        for path in _entries(letter):
            if f"{_PACKAGES}/{letter.name}/{path.name}" not in kept:
                files.remove(path)
    files.remove(folder / f".{_CURRENT}.new")


def _entries(folder: Path) -> Iterable[Path]:
    """The entries of a folder, or nothing if it is not there."""
    return tuple(folder.iterdir()) if folder.is_dir() else ()


def repositories(repos: Path) -> Iterator[Path]:
    """The folders of all repositories below `repos/`."""
    for generations in sorted((*repos.glob(f"*/*/*/*/{_GENERATIONS}"), *repos.glob(f"*/*/*/*/*/{_GENERATIONS}"))):
        yield generations.parent
