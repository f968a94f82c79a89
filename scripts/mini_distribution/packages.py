"""The RPMs made of Debian packages: which of the host's files each holds, and what it is called elsewhere."""

import hashlib
import re
import stat
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from mini_distribution import filesystem
from mini_distribution.dpkg import Installed, Package
from mini_distribution.spec import File, Rpm

BUILD_ROOT = (
    *("bash", "coreutils", "cpio", "patch", "bzip2", "xz-utils", "zstd", "unzip", "file", "passwd", "base-files"),
    *("mawk", "debianutils", "perl-base", "rpm"),
)
"""What every build root holds, besides what Debian calls essential.

Each is filled anew, so that everything in it costs time.
"""

ON_REQUEST = ("gcc", "libc6-dev", "make")
"""What the repository has besides, for specs that say so (`BuildRequires: gcc`), as they have to for Fedora."""

FURTHER = {"gcc": ("libc6-dev",)}
"""What a package requires here, and in Fedora, that Debian leaves to its user."""

UNNEEDED = re.compile(r"perl|libarchive\d+(t64)?|lib(a|hwa|l|t|ub)san\d+")
"""What these packages are for, builds can do without: perl's modules (perl-base stays), rpm2archive and sanitizers."""

FEDORA_NAMES = {
    "bash": ("/bin/sh", "/bin/bash"),
    "debianutils": ("which",),
    "libc6": ("glibc", "glibc-common", "rtld(GNU_HASH)"),
    "libc6-dev": ("glibc-devel", "glibc-headers"),
    "libcrypt-dev": ("libxcrypt-devel",),
    "mawk": ("gawk",),
    "passwd": ("shadow-utils",),
    "perl-base": ("perl-interpreter",),
    "rpm": ("rpm-build",),
    "xz-utils": ("xz",),
}
"""The names under which specs ask for these packages."""

NOT_TAKEN = re.compile(
    r"/usr/share/(doc|man|locale|info|lintian|bug|doc-base)/|/usr/bin/([^/]*-lto-dump-|rpm2archive$)"
)
"""Documentation, a program that weighs as much as a compiler and shows what is in its files, and one that needs
libarchive, with which comes more than the rest of a build root weighs."""

PLAIN = re.compile(r"[A-Za-z0-9/._+:@,=~^-]+|/usr/bin/\[")
"""Paths that a spec can hold as they are; the few others are left out."""

SHARED_OBJECT = re.compile(r"\.so(\.|$)")


def rpms(closure: Mapping[str, Package], host: Installed) -> Iterator[Rpm]:
    """One RPM for each package of the closure; a path that two of them own goes to the first."""
    taken = set(filesystem.PATHS)
    for package in closure.values():
        paths = {path: _canonical(path) for path in package.paths()}
        files = [file for path in paths.values() if path not in taken and (file := _file(path, package.conffiles))]
        taken.update(file.path for file in files)
        yield _rpm(package, host, files, _aliases(paths))


def _rpm(package: Package, host: Installed, files: list[File], aliases: list[str]) -> Rpm:
    version, release = _version_and_release(package.version)
    return Rpm(
        name=package.name,
        version=version,
        release=release,
        summary=package.summary,
        requires=(filesystem.NAME, *sorted(host.requirements(package)), *FURTHER.get(package.name, ())),
        provides=tuple(dict.fromkeys([*FEDORA_NAMES.get(package.name, ()), *aliases])),
        files=(*files, *(File(path, 0o777) for path in filesystem.LINKS.get(package.name, ()))),
        libraries=any(SHARED_OBJECT.search(file.path) for file in files),
    )


def _version_and_release(version: str) -> tuple[str, str]:
    """Debian's `epoch:upstream-revision` without the epoch; a native package has no revision and gets `1`."""
    upstream, dash, revision = re.sub(r"^\d+:", "", version).rpartition("-")
    return (upstream.replace("-", "_"), revision) if dash else (revision, "1")


def _file(path: str, conffiles: Mapping[str, str]) -> File | None:
    """The host's file as it is to be packaged, or nothing where it is not for a build root.

    Left out are folders (RPM makes them), documentation, what others may not read on this host, and configuration that
    somebody changed here.
    """
    try:
        status = Path(path).lstat()
    except OSError:
        return None
    kept = PLAIN.fullmatch(path) and not NOT_TAKEN.match(path) and not stat.S_ISDIR(status.st_mode)
    if not kept or not status.st_mode & stat.S_IROTH or _changed(path, conffiles.get(path)):
        return None
    user = filesystem.accounts("/etc/passwd").get(status.st_uid)
    group = filesystem.accounts("/etc/group").get(status.st_gid)
    # A program that runs as somebody whom only this host knows does not get root's permissions instead.
    bits = 0o7777 if user and group else 0o777
    return File(path, status.st_mode & bits, user or "root", group or "root")


def _changed(path: str, delivered: str | None) -> bool:
    return delivered is not None and hashlib.md5(Path(path).read_bytes()).hexdigest() != delivered


def _aliases(paths: Mapping[str, str]) -> list[str]:
    """The `/bin/…` names of programs, under which interpreters are asked for."""
    return [path for path, real in paths.items() if path != real and re.fullmatch(r"/s?bin/[\w.+-]+", path)]


def _canonical(path: str) -> str:
    """The path with its folder's links followed: `/usr/bin/tar` for `/bin/tar`."""
    folder, _, name = path.rpartition("/")
    return f"{_real_folder(folder or '/').rstrip('/')}/{name}"


@cache
def _real_folder(folder: str) -> str:
    return str(Path(folder).resolve())
