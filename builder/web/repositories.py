"""The repositories `/repos/…` as dnf reads them, from the folders that the repository builder makes.

    repos/<project>/<stage>/<distribution>-<version>/<architecture>/     also source/ and debug/<architecture>/
        repodata -> generations/123/repodata
        generations/123/…                                               never changes

Two answers are made here and are no files: `mirrorlist` in each repository names its current generation, so that a
client reads one unchanging tree for its whole transaction, and `<project>-<stage>.repo` beside the architectures is
what people give to dnf. Where the project has keys, it makes dnf check every package and the metadata with them.
"""

import re
from functools import partial
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from builder.errors import NotFoundError
from builder.master.delivery import Aside
from builder.model import Label, Value
from builder.repo.layout import DEBUG, SOURCE
from builder.repo.signing import public_keys
from builder.web import answers, stored
from builder.web.answers import Answer
from builder.web.visit import Visit

_GENERATIONS = "generations"
_METADATA = "repodata"
_NAMED_BY_DIGEST = re.compile(r"[0-9a-f]{64}-[a-z.]+")
"""The name of a file of the metadata, of each but repomd.xml: such a file is the same wherever it is."""
_ABOVE = 3
"""Number of the names before a tree: project, stage and distribution may have any."""
_TYPES = {
    ".asc": "application/pgp-signature",
    ".gz": "application/gzip",
    ".json": "application/json",
    ".rpm": "application/x-rpm",
    ".xml": "application/xml",
    ".zst": "application/zstd",
}
_SECTION = """\
[{name}]
name={title}
mirrorlist={url}/{tree}/mirrorlist
enabled={enabled}
{checks}
metadata_expire=60
"""
_UNSIGNED = "gpgcheck=0"
_SIGNED = """\
gpgcheck=1
repo_gpgcheck=1
gpgkey={key}"""


class InRepository(Value, frozen=True, kw_only=True):
    """A repository's folder, or a file in it; dnf adds parameters of its own, which say nothing to us."""

    path: tuple[str, ...]


class RepoFile(Value, frozen=True, kw_only=True):
    """The file for dnf that describes one stage of a project for one distribution version."""

    project: Label
    stage: Label
    distribution: Label
    name: Label


class Repositories:
    """The folder `repos/`, read only; nothing outside of it can be reached, by name or by symbolic link.

    A client that reads `repodata/` while another generation becomes current still gets the files that its repomd.xml
    named.
    """

    def __init__(self, root: Path, aside: Aside) -> None:
        self._root = root
        self._aside = aside

    async def file(self, asked: InRepository, visit: Visit) -> Answer:
        """Return a file; one below `generations/` never changes."""
        path = self._place(await self._fixed(asked.path))
        if not path.is_file():
            raise NotFoundError(f"/repos/{'/'.join(asked.path)} is a folder, and folders are not listed")
        content_type = _TYPES.get(PurePosixPath(asked.path[-1]).suffix, "application/octet-stream")
        keep = stored.FOREVER if _GENERATIONS in asked.path[_ABOVE:-1] else stored.ASK_AGAIN
        return stored.answer(path, visit.conditions, content_type, keep)

    async def mirrorlist(self, asked: InRepository, visit: Visit) -> Answer:
        """Return the address of the generation that `repodata` points to."""
        repodata = self._place((*asked.path, _METADATA))
        generation = repodata.parent
        if generation.parent.name != _GENERATIONS:
            raise NotFoundError(f"there is no repository at /repos/{'/'.join(asked.path)}")
        return answers.text(f"{self._address(visit, generation)}/\n")

    async def repo_file(self, asked: RepoFile, visit: Visit) -> Answer:
        """Return the description of a repository of packages, and, switched off, of those of sources and debuginfo."""
        name = f"{asked.project}-{asked.stage}"
        if asked.name != name:
            raise NotFoundError(f"there is no {asked.name}.repo here; there is {name}.repo")
        url = self._address(visit, self._place((asked.project, asked.stage, asked.distribution)))
        title = f"{asked.project} {asked.stage} for {asked.distribution}"
        trees = (
            (name, title, "$basearch", 1),
            (f"{name}-{DEBUG}", f"{title}, debuginfo", f"{DEBUG}/$basearch", 0),
            (f"{name}-{SOURCE}", f"{title}, sources", SOURCE, 0),
        )
        key = public_keys.path(self._root, asked.project)
        checks = _SIGNED.format(key=self._address(visit, key.resolve())) if key.is_file() else _UNSIGNED
        sections = (
            _SECTION.format(name=name, title=title, url=url, tree=tree, enabled=enabled, checks=checks)
            for name, title, tree, enabled in trees
        )
        return answers.text("\n".join(sections))

    def _address(self, visit: Visit, path: Path) -> str:
        """Return the absolute address of a real path."""
        return f"{visit.origin}/repos/{quote(str(path.relative_to(self._root.resolve())), safe='/+~')}"

    async def _fixed(self, parts: tuple[str, ...]) -> tuple[str, ...]:
        """Return the place of a file of the metadata for good: in the current generation, or in the newest that has it.

        Any other file is where it was asked for.
        """
        if parts[-2:-1] != (_METADATA,) or not _NAMED_BY_DIGEST.fullmatch(parts[-1]) or _GENERATIONS in parts[_ABOVE:]:
            return parts
        current = self._place(parts[:-1]).parent
        if current.parent.name != _GENERATIONS:
            return parts
        number: str | None = current.name
        if not (current / _METADATA / parts[-1]).is_file():
            number = await self._aside(partial(_newest_with, current.parent, parts[-1]))
        return parts if number is None else (*parts[:-2], _GENERATIONS, number, *parts[-2:])

    def _place(self, parts: tuple[str, ...]) -> Path:
        """Return the real path of something below the root; `NotFoundError` if there is nothing, or it leads outside.

        Names with a leading dot are files in the making, and `.` and `..`.
        """
        nothing = NotFoundError(f"there is nothing at /repos/{'/'.join(parts)}")
        if any(not part or part.startswith(".") or "/" in part or "\0" in part for part in parts):
            raise nothing
        try:
            root = self._root.resolve(strict=True)
            path = root.joinpath(*parts).resolve(strict=True)
        except (OSError, RuntimeError):  # RuntimeError: symbolic links in a circle
            raise nothing from None
        if not path.is_relative_to(root):
            raise nothing
        return path


def _newest_with(generations: Path, name: str) -> str | None:
    """Return the newest generation with this file of the metadata, None if there is none."""
    numbers = sorted((int(one.name) for one in generations.iterdir() if one.name.isdecimal()), reverse=True)
    return next((str(number) for number in numbers if (generations / str(number) / _METADATA / name).is_file()), None)
