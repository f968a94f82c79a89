"""The cache of downloaded sources, by the digest that a file `sources` has of them: each is downloaded once.

The sources that were used last are kept, in a bounded room. A digest that could be forged is believed within a
project alone: elsewhere it would be a way to slip in another file.
"""

import hashlib
from pathlib import Path

from builder import files
from builder.attempt import kept
from builder.runner.sources.named import Checksum, ChecksumKind
from builder.runner.workspace import Workspace

_FORGED = frozenset({ChecksumKind.MD5, ChecksumKind.SHA1})
_FILE = "file"
_MOST = 20 << 30
"""Bytes that all sources in the cache may have."""


def digest_of(path: Path, kind: ChecksumKind) -> str:
    """Return the digest of this kind of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, kind.value).hexdigest()


def take(workspace: Workspace, project: str, wanted: Checksum, path: Path) -> bool:
    """Put the file that is `wanted` at `path`, and return True if it was here and has its digest."""
    cached = _place(workspace, project, wanted) / _FILE
    try:
        intact = digest_of(cached, wanted.kind) == wanted.digest
        if intact:
            files.link(cached, path)
    except FileNotFoundError:  # or another runner has removed it in between
        return False
    if not intact:
        workspace.say(f"the {wanted.name} that was kept is damaged")
        files.remove(cached)
        return False
    kept.use(cached.parent)
    workspace.say(f"{wanted.name} was downloaded before: its {wanted.kind.value} is {wanted.digest}")
    return True


def keep(workspace: Workspace, project: str, wanted: Checksum, path: Path) -> None:
    """Keep a file that has the digest that was `wanted`."""
    folder = _place(workspace, project, wanted)
    kept.use(folder)
    own = folder / workspace.attempt.path.name
    files.link(path, own)
    files.rename(own, folder / _FILE)
    kept.prune(folder.parent)
    kept.prune_to(folder.parent, _MOST)


def _place(workspace: Workspace, project: str, wanted: Checksum) -> Path:
    owner = (project,) if wanted.kind in _FORGED else ()
    return workspace.state.sources / "-".join((*owner, wanted.kind.value, wanted.digest))
