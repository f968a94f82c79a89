"""The manifests of one repository: that of its current generation, and those of all that it ever had.

The old ones are `manifests/<generation>.json.gz` in its folder. They stay when a generation goes, so that
the repository can go back to any of them as long as the packages are there, and people can see what it held.
"""

import gzip
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from builder import files
from builder.errors import BuilderError, ConflictError, NotFoundError, UnavailableError, VersionError
from builder.repo.manifest import Manifest, nothing

CURRENT = "repodata"
"""The name of the link to the metadata of the current generation."""
GENERATIONS = "generations"
MANIFEST = "manifest.json"
_SUFFIX = ".json.gz"


def repositories(repos: Path, project: str = "*") -> Iterator[str]:
    """Yield the names of all repositories below `repos/`, or those of one project."""
    trees = (f"{project}/*/*/*/{GENERATIONS}", f"{project}/*/*/*/*/{GENERATIONS}")
    for folder in sorted(path for tree in trees for path in repos.glob(tree)):
        yield str(folder.parent.relative_to(repos))


class Archive:
    """The manifests of the repository `name`, whose folder is `folder`."""

    def __init__(self, name: str, folder: Path) -> None:
        self._name = name
        self._repository = folder
        self._folder = folder / "manifests"

    def current(self) -> Manifest:
        """Return the manifest of the current generation, or that of no generation before the first.

        Raises:
            UnavailableError: The folder is damaged.
            VersionError: Another version has written the manifest.
            OSError: The disk is broken, or the manifest is not there.
        """
        link = self._repository / CURRENT
        if not os.path.lexists(link):
            if {path.name for path in self._repository.glob(f"{GENERATIONS}/*")} - {"1"}:
                raise UnavailableError(f"{link} is missing: link it to the newest of generations/*/repodata again")
            return nothing(self._name)
        if not link.is_symlink():
            raise UnavailableError(f"{link} is no symbolic link, and was one: a copy has to keep them")
        path = self._repository / link.readlink().parent / MANIFEST
        try:
            return msgspec.json.decode(path.read_bytes(), type=Manifest)
        except msgspec.MsgspecError as error:
            raise VersionError(f"{path} cannot be read by this version: {error}") from error

    def keep(self, manifest: Manifest) -> None:
        """Store a manifest durably; it replaces that of a generation of the same number which never became current."""
        files.make_folder(self._folder)
        files.write(self._path(manifest.generation), gzip.compress(msgspec.json.encode(manifest), mtime=0))

    def read(self, generation: int) -> Manifest:
        """Return the manifest of a generation.

        Raises:
            NotFoundError: There never was such a generation.
            VersionError: It is damaged, or another version has written it.
        """
        path = self._path(generation)
        try:
            return msgspec.json.decode(gzip.decompress(path.read_bytes()), type=Manifest)
        except FileNotFoundError as missing:
            raise NotFoundError(f"{self._name} has no generation {generation}") from missing
        except (msgspec.MsgspecError, OSError, EOFError, zlib.error) as error:
            raise VersionError(f"{path} cannot be read by this version: {error}") from error

    def newest(self) -> Manifest:
        """Return the manifest of the current generation, or of the newest that is known if nothing tells that.

        Raises:
            ConflictError: None can be read.
            NotFoundError: There is no repository.
        """
        try:
            current = self.current()
        except (BuilderError, OSError):
            return self._newest()
        if current.generation == 0:
            raise NotFoundError(f"there is no repository {self._name}")
        return current

    def _newest(self) -> Manifest:
        """Return the manifest that the link names, or the newest that can be read."""
        link = self._repository / CURRENT
        named = (int(link.readlink().parent.name),) if link.is_symlink() else ()
        for generation in (*named, *reversed(self.generations())):
            try:
                return self.read(generation)
            except (NotFoundError, VersionError):
                continue
        raise ConflictError(f"no manifest of {self._name} can be read: put {self._repository} back from a copy")

    def generations(self) -> tuple[int, ...]:
        """Return the numbers of all generations, the oldest first."""
        names = (path.name.removesuffix(_SUFFIX) for path in self._folder.glob(f"*{_SUFFIX}"))
        return tuple(sorted(int(name) for name in names if name.isdecimal()))

    def tidy(self, newest: int) -> None:
        """Remove the leftovers of generations that never became current: those after the `newest`."""
        for generation in self.generations():
            if generation > newest:
                files.remove(self._path(generation))
        files.remove_begun(self._folder)

    def _path(self, generation: int) -> Path:
        return self._folder / f"{generation}{_SUFFIX}"
