"""Generations: the states of one repository, each an immutable tree, one of them current.

    Packages/h/hello-1.0-1.x86_64.rpm                   hard links into the pool
    repodata -> generations/123/repodata                the current one, for clients that know only this address
    generations/123/{repodata, Packages -> ../../Packages, manifest.json}
    manifests/123.json.gz                               the manifests of all generations that ever were

A generation is made beside, verified, synced, moved to its place, and becomes current by one rename. The current
manifest names everything that belongs into the folder; the rest is swept away.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from builder import files
from builder.errors import InternalError
from builder.repo import carried, index, metadata
from builder.repo.archive import CURRENT, GENERATIONS, MANIFEST, Archive
from builder.repo.incoming import Delivered
from builder.repo.manifest import Manifest
from builder.repo.pool import Pool

Seal = Callable[[Manifest, Path], None]
"""A function that signs the metadata in a folder, if the manifest says so."""

Faults = Callable[[Path, Manifest], Sequence[str]]
"""A function that returns the faults of the generation in a folder, compared with its manifest."""

_PACKAGES = "Packages"


class Generations:
    """The generations of one repository, which one thread at a time may change.

    `name` is the repository's for people, `folder` is its own, and so is `staging`, which is on the same file system;
    `seal` signs the metadata.
    """

    def __init__(self, name: str, folder: Path, staging: Path, pool: Pool, seal: Seal) -> None:
        self._name = name
        self._seal = seal
        self._folder = folder
        self._staging = staging
        self._pool = pool
        self._archive = Archive(name, folder)
        self._clean = False

    def current(self) -> Manifest:
        """Return the manifest of the current generation, or that of no generation; remove unfinished ones first.

        Raises:
            UnavailableError: The folder is damaged; nothing of it is removed.
            VersionError: Another version has written the manifest.
            OSError: The disk is broken, or the manifest is not there.
        """
        manifest = self._archive.current()
        if not self._clean:
            files.remove_tree(self._staging)
            places = {package.sha256: self._folder / place for place, package in manifest.files().items()}
            self._pool.mend(places, self._staging)
            self.tidy(manifest)
        return manifest

    def make(self, manifest: Manifest, delivered: Mapping[str, Delivered]) -> None:
        """Make the generation of `manifest`, ready to become current; nobody sees it yet.

        Its packages are in the pool, or in `delivered` by their digests.
        """
        self._clean = False
        self._pool.hold(self._name, manifest.digests())
        for sha256 in manifest.digests() & delivered.keys():
            self._pool.take(sha256, delivered[sha256].file, delivered[sha256].record)
        self._staging.mkdir()
        beside = self._staging / str(manifest.generation)
        self._write(beside, manifest)
        self._verify(beside, manifest)
        files.make_folder(self._folder / GENERATIONS)
        files.make_folder(self._folder / _PACKAGES)
        self._link(manifest)
        self._archive.keep(manifest)
        files.move(beside, self._place(manifest.generation))

    def switch(self, generation: int) -> None:
        """Make this generation the current one; nothing happens if it is missing, or if it or a newer one is."""
        self._clean = False
        link = self._folder / CURRENT
        current = int(link.readlink().parent.name) if link.is_symlink() else 0
        if current < generation and self._place(generation).is_dir():
            files.symlink(f"{GENERATIONS}/{generation}/repodata", link)

    def tidy(self, manifest: Manifest) -> None:
        """Remove from the folder all that `manifest`, the current one, does not name."""
        generations = {str(number) for number in manifest.generations()}
        kept = manifest.files()
        for path in files.entries(self._folder / GENERATIONS):
            if path.name not in generations:
                self._staging.mkdir(exist_ok=True)
                files.discard(path, self._staging)
        for letter in files.entries(self._folder / _PACKAGES):
            for path in files.entries(letter):
                if f"{_PACKAGES}/{letter.name}/{path.name}" not in kept:
                    files.remove(path)
        self._archive.tidy(manifest.generation)
        files.remove_begun(self._folder)
        self._pool.release(self._name, manifest.digests())
        files.remove_tree(self._staging)
        self._clean = True

    def rebuild(self, faults: Faults) -> tuple[str, ...]:
        """Make missing or damaged parts anew from the pool and the manifests, and return which they were.

        Raises:
            ConflictError: No manifest can be read, or a package is damaged wherever it is; nothing is removed.
            NotFoundError: There is no such repository.
        """
        manifest = self._archive.newest()
        self._clean = False
        files.remove_tree(self._staging)
        self._pool.hold(self._name, manifest.digests())
        places = {place: (self._folder / place, package.sha256) for place, package in manifest.files().items()}
        done = list(self._pool.renew(places, self._staging))
        self._staging.mkdir()
        files.make_folder(self._folder / _PACKAGES)
        self._link(manifest)
        for number in sorted(manifest.generations()):
            done.extend(self._renew(manifest if number == manifest.generation else self._archive.read(number), faults))
        done.extend(self._point(manifest.generation))
        self.tidy(manifest)
        return tuple(done)

    def _renew(self, manifest: Manifest, faults: Faults) -> Iterator[str]:
        """Make one generation anew, if it is damaged."""
        place = self._place(manifest.generation)
        if not faults(place, manifest):
            return
        beside = self._staging / place.name
        self._write(beside, manifest)
        self._verify(beside, manifest)
        self._archive.keep(manifest)
        if place.exists():
            waste = self._staging / "damaged"
            waste.mkdir(exist_ok=True)
            files.discard(place, waste)
        files.make_folder(place.parent)
        files.move(beside, place)
        yield f"{GENERATIONS}/{place.name}"

    def _point(self, generation: int) -> Iterator[str]:
        """Point the link of the current generation at this one."""
        link, target = self._folder / CURRENT, f"{GENERATIONS}/{generation}/repodata"
        if link.is_symlink() and str(link.readlink()) == target:
            return
        if link.is_dir() and not link.is_symlink():
            files.discard(link, self._staging)
        files.symlink(target, link)
        yield CURRENT

    def _write(self, beside: Path, manifest: Manifest) -> None:
        """Write a generation to `beside`, durably."""
        repodata = beside / "repodata"
        repodata.mkdir(parents=True)
        records = self._pool.records(listed.sha256 for listed in manifest.packages)
        places = (listed.location for listed in manifest.packages)
        further = carried.contents(manifest)
        metadata.write(repodata, map(index.placed, records, places), len(manifest.packages), manifest.created, further)
        self._seal(manifest, repodata)
        for path in sorted(repodata.iterdir()):
            files.sync(path)
        files.sync(repodata)
        files.symlink(f"../../{_PACKAGES}", beside / _PACKAGES)
        files.write(beside / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=1))

    def _verify(self, beside: Path, manifest: Manifest) -> None:
        """Check that a generation is one that a client can use, before it becomes current."""
        if faults := metadata_faults(beside / CURRENT, manifest):
            raise InternalError(f"generation {manifest.generation} of {self._name}: {'; '.join(faults)}")

    def _link(self, manifest: Manifest) -> None:
        """Link the files of the packages into their places, before any metadata names them."""
        touched = set()
        for location, package in manifest.files().items():
            path = self._folder / location
            if not path.exists():
                files.make_folder(path.parent)
                files.link(self._pool.path(package.sha256), path)
                touched.add(path.parent)
        for parent in sorted(touched):
            files.sync(parent)

    def _place(self, generation: int) -> Path:
        return self._folder / GENERATIONS / str(generation)


def metadata_faults(repodata: Path, manifest: Manifest) -> list[str]:
    """Return the faults of the metadata in `repodata`, compared with the manifest."""
    return metadata.faults(repodata, [package.sha256 for package in manifest.packages], carried.contents(manifest))
