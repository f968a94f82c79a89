"""Signing with a project's key: the packages when they come into the pool, the metadata when a generation is made.

A signature is added to a copy of the RPM, and everything behind it has to stay as it was. The signed copy is then
checked as a client does, with a keyring that holds only that key. A signature's time is that of the operation, so
that an operation that is cut off and done again makes the same bytes.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from builder import files
from builder.errors import InternalError, UnavailableError
from builder.repo import index, layout
from builder.repo.headers import HeaderReader, record_path
from builder.repo.incoming import Delivered
from builder.repo.layout import Repository
from builder.repo.manifest import Manifest
from builder.repo.pool import Pool
from builder.repo.signing import gnupg, signatures
from builder.repo.signing.keys import Keys
from builder.repo.signing.signatures import Copy

_TOGETHER = 1000
"""Most files that one program is given: their names have room in its arguments."""
_SECONDS = 60.0
"""Seconds that a program may take, besides `_EACH` for a file and the time to read and write it at `_SPEED`."""
_EACH = 2.0
_SPEED = 10e6
"""Bytes per second."""
_LEAD = 96
"""Bytes of an RPM before its signature; see "Package format" in rpm's reference manual."""
_HEADER_MAGIC = b"\x8e\xad\xe8\x01"
_PIECE = 1 << 20

GenerationChange = tuple[Manifest, Manifest]
"""The manifest of a repository's current generation, and that of the one to be made."""


class Signer:
    """The signer of what is to be published, in folders of its own in `staging`; `read` reads the headers of RPMs."""

    def __init__(self, keys: Keys, pool: Pool, staging: Path, read: HeaderReader) -> None:
        self._keys = keys
        self._pool = pool
        self._staging = staging
        self._read = read

    def sign(
        self, project: str, changes: Mapping[Repository, GenerationChange], delivered: Mapping[str, Delivered]
    ) -> tuple[Mapping[Repository, Manifest], Mapping[str, Delivered]]:
        """Return the manifests to be made, with every package signed, and the signed files by their digests.

        Nothing changes for a project without a key. Each file is signed once, all of them by one program. The signed
        files are to be forgotten with `clear` when they are in the pool.
        """
        key = self._keys.current(project)
        if not key:
            return {home: after for home, (_, after) in changes.items()}, {}
        self.clear(project)
        wanted = sorted({sha256 for change in changes.values() for sha256 in signatures.unsigned(*change, key)})
        now = max(after.created for _, after in changes.values())
        sources = [delivered[sha256].file if sha256 in delivered else self._pool.path(sha256) for sha256 in wanted]
        copies = dict(zip(wanted, self._copies(project, key, sources, now), strict=True))
        found = {sha256: Copy(sha256=copy.sha256, size=copy.size) for sha256, copy in copies.items()}
        manifests = {home: signatures.signed(*change, key, found) for home, change in changes.items()}
        return manifests, {copy.sha256: copy for copy in copies.values()}

    def seal(self, manifest: Manifest, repodata: Path) -> None:
        """Sign the metadata of a generation, if its manifest says by which key."""
        if not manifest.key:
            return
        project = layout.project_of(manifest.repository)
        options = ("--local-user", manifest.key, "--armor", "--output", repodata / "repomd.xml.asc")
        sign: gnupg.Command = ("gpg", *_quiet(manifest.created), *options, "--detach-sign", repodata / "repomd.xml")
        gnupg.run_with_agent(self._keys.home(project, manifest.key), sign, _SECONDS)
        self.check_seal(manifest, repodata)

    def check_seal(self, manifest: Manifest, repodata: Path) -> None:
        """Raise `UnavailableError` if the metadata's signature is not that of the key in the manifest."""
        project = layout.project_of(manifest.repository)
        keyring = self._keys.keyring(project, manifest.key)
        check = ("gpgv", "--ignore-time-conflict", "--keyring", keyring)
        gnupg.run((*check, repodata / "repomd.xml.asc", repodata / "repomd.xml"), _SECONDS)

    def check_packages(self, project: str, key: str, packages: Sequence[Path]) -> None:
        """Raise `UnavailableError` if one of these packages is not signed with the key, or is damaged."""
        database = self._folder(project) / "rpmdb"
        rpmkeys = ("rpmkeys", "--dbpath", database)
        gnupg.run((*rpmkeys, "--import", self._keys.public(project, key)), _SECONDS)
        check = ("--define", "_pkgverify_level all", "--checksig")
        for part in _parts(packages):
            gnupg.run((*rpmkeys, *check, *part), _patience(part))
        files.remove_tree(database)

    def clear(self, project: str) -> None:
        """Remove the files that were signed."""
        if self._folder(project).exists():
            files.remove_tree(self._folder(project))

    def _copies(self, project: str, key: str, sources: Sequence[Path], now: float) -> Sequence[Delivered]:
        """Return signed copies of these packages, checked, with their records."""
        if not sources:
            return ()
        folder = self._folder(project)
        files.make_folder(folder)
        copies = [Path(shutil.copyfile(path, folder / f"{number}.rpm")) for number, path in enumerate(sources)]
        before = [content(copy) for copy in copies]
        self._add_signatures(self._keys.home(project, key), key, copies, now)
        for copy in copies:
            os.utime(copy, (now, now))  # the metadata says it
        for source, copy, digest in zip(sources, copies, before, strict=True):
            if content(copy) != digest:
                raise InternalError(f"signing {source} has changed more than its signature")
        self.check_packages(project, key, copies)
        self._read(copies, folder)
        return [_delivered(copy, record_path(folder, number)) for number, copy in enumerate(copies)]

    def _add_signatures(self, home: Path, key: str, packages: Sequence[Path], now: float) -> None:
        """Put the key's signature into these files in the place of any other."""
        gpg = shutil.which("gpg")
        if gpg is None:
            raise UnavailableError("packages cannot be signed: there is no program gpg")
        defines = {"__gpg": gpg, "_gpg_name": key, "_gpg_sign_cmd_extra_args": " ".join(_quiet(now))}
        options = [word for name, value in defines.items() for word in ("--define", f"{name} {value}")]
        for part in _parts(packages):
            gnupg.run_with_agent(home, ("rpmsign", "--addsign", *options, *part), _patience(part))

    def _folder(self, project: str) -> Path:
        return self._staging / f"signing+{project}"


def content(rpm: Path) -> str:
    """Return the SHA-256 of everything in an RPM that is behind its signature: the header and the payload."""
    digest = hashlib.sha256()
    with rpm.open("rb") as file:
        file.seek(_LEAD)
        magic, _, entries, size = (file.read(4) for _ in range(4))
        if magic != _HEADER_MAGIC:
            raise InternalError(f"{rpm} has no signature header")
        length = 16 * int.from_bytes(entries) + int.from_bytes(size)
        file.seek(length + -length % 8, 1)
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def _delivered(copy: Path, path: Path) -> Delivered:
    record = index.load(path)
    return Delivered(
        file=copy,
        record=path,
        size=copy.stat().st_size,
        nevra=record.nevra,
        sha256=record.sha256,
        source=record.source,
    )


def _quiet(now: float) -> tuple[str, ...]:
    """Return the options of gpg each time: to ask nobody, to start nothing that stays, and the time that it is."""
    return ("--batch", "--no-tty", "--no-autostart", "--faked-system-time", f"{int(now)}!")


def _parts(packages: Sequence[Path]) -> Iterator[Sequence[Path]]:
    return (packages[start : start + _TOGETHER] for start in range(0, len(packages), _TOGETHER))


def _patience(packages: Sequence[Path]) -> float:
    """Return the seconds that a program may be at these files."""
    return _SECONDS + sum(_EACH + path.stat().st_size / _SPEED for path in packages)
