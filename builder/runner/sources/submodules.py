"""The submodules of an upstream commit, at the commits that it records: its tarball has them, as a checkout would.

A repository may belong to a stranger, trusted with no more than that repository: the places of its submodules are
checked before git goes there. No secret goes to them, nor a key of the slave's user, and only a repository on this
host's own disk leads to another one there. At most one mirror is locked at a time, since submodules may well lead
round in a circle.
Source: gitmodules(5), git-submodule(1).
"""

import re
from collections import deque
from pathlib import Path

import msgspec

from builder import files
from builder.attempt.endings import EndedError, broken, failed
from builder.model import Value
from builder.model.attempt import FailureKind
from builder.model.package import GitSource
from builder.runner.sources.access import NOBODY, public
from builder.runner.sources.mirror import Mirror, mirror
from builder.runner.workspace import Workspace

MOST = 200
"""Most submodules of an upstream commit, with those of its submodules."""
_AWAY = re.compile(
    r"(?:(?:https?|git|ssh)://(?!-)[^\s/]+/|[A-Za-z0-9._]+@[A-Za-z0-9][A-Za-z0-9.-]*:)[^\s\x00-\x1f\x7f]*"
)
_HERE = re.compile(r"file:///[^\s\x00-\x1f\x7f]*")
_PACKERS = {
    ".bz2": ("bzip2", "--quiet"),
    ".gz": ("gzip", "--no-name"),
    ".tgz": ("gzip", "--no-name", "--suffix=.tgz"),
    ".xz": ("xz", "--quiet"),
    ".zst": ("zstd", "--quiet", "--rm"),
}
"""The programs that pack a plain archive, in its place, by the suffix of the result."""


class Submodule(Value, frozen=True, kw_only=True):
    """A submodule: its folder in the tarball, and the commit of it that is recorded."""

    path: str
    url: str
    commit: str


def listed(text: str) -> dict[str, str]:
    """Return the paths of `.gitmodules` with their URLs, from the output of `git config --null`."""
    found: dict[str, dict[str, str]] = {}
    for entry in text.split("\0"):
        key, _, value = entry.partition("\n")
        name, _, what = key.rpartition(".")
        found.setdefault(name, {})[what] = value
    return {part["path"]: part["url"] for part in found.values() if part.get("path") and part.get("url")}


def absolute(url: str, parent: str) -> str:
    """Return the URL of a submodule, which may be relative to that of the repository that has it."""
    if not url.startswith(("./", "../")):
        return url
    base, between = parent.rstrip("/"), "/"
    while url.startswith(("./", "../")):
        if url.startswith("../"):
            base, between = _above(base)
        url = url.partition("/")[2]
    return f"{base}{between}{url}"


def _above(base: str) -> tuple[str, str]:
    """Return the place above `base`, and the character between the two."""
    between = "/" if "/" in base else ":"
    return base.rpartition(between)[0], between


def may_be_read(url: str, parent: str) -> bool:
    """Tell if a submodule of the repository at `parent` may be at `url`."""
    return bool(_AWAY.fullmatch(url) or (_HERE.fullmatch(parent) and _HERE.fullmatch(url)))


def submodules(repository: Mirror, commit: str, url: str, folder: str) -> list[Submodule]:
    """Return the submodules of a commit of the repository at `url`, without theirs; it lies in `folder` of the tarball.

    Raises:
        EndedError: The commit's `.gitmodules` cannot be read, or leads where it may not.
    """
    found = []
    for path, written in listed(repository.modules(commit)).items():
        recorded = repository.link(commit, path)
        if recorded is None:
            continue
        where = absolute(written, url)
        if not may_be_read(where, url):
            reason = (
                f"the submodule {path} of {public(url)} is at {public(where)!r}, which may not be read from there: "
            )
            raise failed(FailureKind.SOURCES, reason + "it takes an https, http, ssh or git address")
        found.append(Submodule(path=f"{folder}/{path}", url=where, commit=recorded))
    return found


def with_submodules(workspace: Workspace, first: list[Submodule], archive: Path) -> None:
    """Add submodules, with theirs, to a plain tar archive.

    Raises:
        EndedError: A submodule cannot be read or has no such commit, or there are too many.
    """
    waiting, count = deque(first), 0
    while waiting:
        one = waiting.popleft()
        count += 1
        if count > MOST:
            raise failed(FailureKind.SOURCES, f"the upstream commit has more than {MOST} submodules")
        workspace.say(f"submodule {one.path}: {public(one.url)} at {one.commit}")
        try:
            waiting += _add(workspace, one, archive)
        except EndedError as error:
            reason = f"the submodule {one.path}: {error.outcome.reason}"
            raise EndedError(msgspec.structs.replace(error.outcome, reason=reason[:500])) from error


def _add(workspace: Workspace, one: Submodule, archive: Path) -> list[Submodule]:
    part = workspace.work / "submodule.tar"
    with mirror(workspace, one.url, otherwise=NOBODY) as repository:
        repository.update(one.commit)
        repository.resolve(GitSource(git=one.url, ref=one.commit))
        repository.archive(one.commit, part, prefix=one.path)
        further = submodules(repository, one.commit, one.url, one.path)
    if workspace.run(["tar", "--concatenate", f"--file={archive}", str(part)]):
        raise broken("its archive cannot be added to that of the upstream commit")
    files.remove(part)
    return further


def packed(workspace: Workspace, archive: Path, tarball: Path) -> None:
    """Make `tarball` of a plain archive, by its name's suffix.

    Raises:
        EndedError: The suffix is of no format that can be made.
    """
    packer = _PACKERS.get(tarball.suffix)
    if tarball.suffix != ".tar" and packer is None:
        known = ", ".join([".tar", *_PACKERS])
        reason = f"{tarball.name} cannot be made from a commit with submodules: its name should end in one of {known}"
        raise failed(FailureKind.SOURCES, reason)
    made = archive
    if packer:
        if workspace.run([*packer, str(archive)]):
            raise broken(f"{tarball.name} cannot be made by {packer[0]}")
        made = archive.with_name(f"{archive.name}{tarball.suffix}")
    files.rename(made, tarball)
