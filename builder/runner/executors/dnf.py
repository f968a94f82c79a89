"""The configuration and arguments of dnf for filling a build root: pure text.

Nothing of the host's own configuration is read, and plugins stay off: the one named `local` keeps every package it ever
saw and offers old ones again under the same NEVRA. Source: dnf.conf(5).
"""

import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote

from builder.errors import InvalidError
from builder.model import Value
from builder.model.chroot import BaseRepository
from builder.model.work import ChrootWork

BASE_EXPIRES = 900
"""Seconds for which metadata of a base repository is believed; the farm's own repositories are asked each time."""

_LOCAL = "file://"
_NO_CAPABILITY = re.compile(r"(?:https?|ftp|file):|@|.*\.rpm\Z|.*[\x00-\x1f\x7f]", re.IGNORECASE)
"""The texts that dnf takes for a package's address or file, or for a group, or may take for one by a control character.
"""


class Places(Value, frozen=True, kw_only=True):
    """The folders that dnf is given: the tree it fills, its cache, and its own state and logs.

    `trust` is a file of certificates for repositories over HTTPS, where the system's own do not do.
    """

    tree: Path
    cache: Path
    own: Path
    trust: Path | None = None


def configuration(work: ChrootWork, places: Places) -> str:
    """Return the text of dnf.conf: the chroot's base repositories, then those that the order adds."""
    main = [
        "[main]",
        "plugins=0",
        "reposdir=/nonexistent",
        "varsdir=/nonexistent",
        f"cachedir={places.cache}",
        f"persistdir={places.own}/persist",
        f"logdir={places.own}/log",
        "assumeyes=1",
        "best=1",
        "debuglevel=1",
        "gpgcheck=0",
        "install_weak_deps=0",
        "obsoletes=1",
        "timeout=30",
    ]
    for repository in work.chroot.repositories:
        local = repository.url.startswith(_LOCAL)
        main += section(repository, 0 if local else BASE_EXPIRES, None)
    for repository in work.repositories:
        main += section(repository, 0, places.trust)
    return "\n".join(main) + "\n"


def local_repositories(work: ChrootWork) -> list[Path]:
    """Return the folders of the repositories on this host's own disk, each of which holds all of its packages."""
    urls = [repository.url for repository in (*work.chroot.repositories, *work.repositories)]
    # dnf knows what its variables stand for; what is above the first of them holds them all
    paths = [unquote(url.removeprefix(_LOCAL)).partition("$") for url in urls if url.startswith(_LOCAL)]
    folders = [Path(before if not variable else before.rpartition("/")[0] or "/") for before, variable, _ in paths]
    return [folder for folder in folders if folder != Path("/") and ".." not in folder.parts]


def section(repository: BaseRepository, expires: int, trust: Path | None) -> list[str]:
    """Return a repository's lines in dnf's configuration; its metadata is believed for `expires` seconds."""
    lines = [
        "",
        f"[{repository.name}]",
        f"name={repository.name}",
        f"baseurl={repository.url}",
        f"priority={repository.priority}",
        f"metadata_expire={expires}",
        "skip_if_unavailable=0",
        f"gpgcheck={int(repository.key is not None)}",
        *([f"gpgkey={repository.key}"] if repository.key else []),
    ]
    return [*lines, f"sslcacert={trust}"] if trust and repository.url.startswith("https://") else lines


def install_command(config: Path, places: Places, release: str, packages: Sequence[str]) -> list[str]:
    """Return the arguments of dnf to install `packages` in one transaction."""
    options = [f"--config={config}", f"--installroot={places.tree}", f"--releasever={release}"]
    return ["dnf", *options, "install", "--", *packages]


def build_requires(answer: str) -> tuple[str, ...]:
    """Return the BuildRequires in the answer of `rpm --query --requires` on an SRPM.

    Raises:
        InvalidError: One of them is not what a package provides, but to dnf a file from anywhere, or a group.
    """
    lines = (line.strip() for line in answer.splitlines())
    required = tuple(line for line in lines if line and not line.startswith("rpmlib("))
    refused = [line for line in required if _NO_CAPABILITY.match(line)]
    if refused:
        raise InvalidError(f"BuildRequires names {', '.join(refused)}, which no package in a repository can provide")
    return required
