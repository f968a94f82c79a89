"""Downloaded sources, kept by the digest that a file `sources` has of them, so that each is downloaded once.

A digest that could be forged is believed within a project alone: elsewhere it would be a way to slip in another file.
"""

import hashlib
from pathlib import Path

from builder import files
from builder.slave import kept
from builder.slave.sources import Checksum
from builder.slave.workspace import Workspace

_FORGED = frozenset({"md5", "sha1"})
_FILE = "file"


def digest_of(path: Path, kind: str) -> str:
    """The digest of a file, of a kind that hashlib knows."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()


def take(workspace: Workspace, project: str, wanted: Checksum, path: Path) -> bool:
    """Have the file that is `wanted` at `path`, and return whether it was here and is what it was."""
    cached = _place(workspace, project, wanted) / _FILE
    if not cached.exists():
        return False
    if digest_of(cached, wanted.kind) != wanted.digest:
        workspace.say(f"the {wanted.name} that was kept is damaged")
        files.remove(cached)
        return False
    files.link(cached, path)
    workspace.say(f"{wanted.name} was downloaded before: its {wanted.kind} is {wanted.digest}")
    return True


def keep(workspace: Workspace, project: str, wanted: Checksum, path: Path) -> None:
    """Keep a file that is what was `wanted`."""
    folder = _place(workspace, project, wanted)
    kept.prune(folder.parent)
    own = folder / workspace.attempt.path.name
    files.link(path, own)
    files.rename(own, folder / _FILE)


def _place(workspace: Workspace, project: str, wanted: Checksum) -> Path:
    owner = (project,) if wanted.kind in _FORGED else ()
    folder = workspace.state / "cache" / "sources" / "-".join((*owner, wanted.kind, wanted.digest))
    kept.use(folder)
    return folder
