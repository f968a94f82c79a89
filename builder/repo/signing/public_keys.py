"""Public keys: the files of a project's signing keys for clients, beside its stages in `repos/`.

    <project>/RPM-GPG-KEY-<project>              the public keys, armored, the current one first: what dnf imports
    <project>/RPM-GPG-KEY-<project>.json         which they are

A project without these files does not sign.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from builder import files
from builder.errors import VersionError
from builder.model.key import SigningKey


def path(repos: Path, project: str) -> Path:
    """Return the path of a project's public keys."""
    return repos / project / f"RPM-GPG-KEY-{project}"


def read(repos: Path, project: str) -> tuple[SigningKey, ...]:
    """Return a project's keys, the current one first; none if it does not sign.

    Raises:
        VersionError: Another version has written the file.
    """
    file = _list(repos, project)
    try:
        return msgspec.json.decode(file.read_bytes(), type=tuple[SigningKey, ...])
    except FileNotFoundError:
        return ()
    except msgspec.MsgspecError as error:
        raise VersionError(f"{file} cannot be read by this version: {error}") from error


def recover(repos: Path, project: str) -> None:
    """Remove unfinished files of an earlier life."""
    files.remove_begun(repos / project)


def write(repos: Path, project: str, keys: Sequence[SigningKey], armored: bytes) -> None:
    """Write these keys, which clients trust from then on."""
    files.make_folder(repos / project)
    files.write(path(repos, project), armored)
    files.write(_list(repos, project), msgspec.json.encode(keys))


def _list(repos: Path, project: str) -> Path:
    return path(repos, project).with_name(f"RPM-GPG-KEY-{project}.json")
