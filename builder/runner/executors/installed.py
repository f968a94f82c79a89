"""Packages in a build root, as told by the programs that filled it: text in, values out."""

import re
from collections.abc import Mapping, Sequence

from builder.model.inputs import RootPackage

_FIELDS = ("name", "epoch", "version", "release", "arch", "sigmd5", "sha256header", "signature")
_SIGNATURE = "%|SIGPGP?{%{SIGPGP:pgpsig}}:{%{RSAHEADER:pgpsig}}|"
FORMAT = "\\t".join([*(f"%{{{name.upper()}}}" for name in _FIELDS[:-1]), _SIGNATURE]) + "\\n"
"""The format in which rpm is asked for each package."""
_NONE = "(none)"
_KEYS = "gpg-pubkey"
"""The name that rpm has for the keys that it trusts, which it lists among the packages."""
_DNF = re.compile(r"^\S+ DEBUG DNF version: (?P<version>\S+)$", re.MULTILINE)
_MOCK = re.compile(r"^(?:INFO: )?Mock Version: (?P<version>\S+)$", re.MULTILINE)

Origin = tuple[str, str, str, str, str]
"""Name, epoch (`0` for none), version, release and architecture of a package."""


def packages(answer: str, origins: Mapping[Origin, str]) -> tuple[RootPackage, ...]:
    """Return the packages in rpm's answer to `FORMAT`, sorted, each with the repository that `origins` has for it.

    A line of another form is passed over: a package may have anything in its header.
    """
    rows = (tuple(value[:256] for value in line.split("\t")) for line in sorted(answer.splitlines()))
    return tuple(_package(row, origins) for row in rows if len(row) == len(_FIELDS) and row[0] != _KEYS)


def _package(row: Sequence[str], origins: Mapping[Origin, str]) -> RootPackage:
    name, epoch, version, release, arch, sigmd5, sha256header, signature = row
    return RootPackage(
        name=name,
        epoch=_known(epoch),
        version=version,
        release=release,
        arch=arch,
        sigmd5=_known(sigmd5),
        sha256header=_known(sha256header),
        signature=_known(signature.rpartition(" ")[2][-8:]),
        repository=origins.get((name, _known(epoch) or "0", version, release, arch)),
    )


def _known(value: str) -> str | None:
    return None if value == _NONE else value


def origins(answer: str) -> dict[Origin, str]:
    """Return the repositories in the answer of `builder.runner.executors.dnf_history`.

    Of a package that comes several times, the last one counts.
    """
    rows = (line.split("\t") for line in answer.splitlines())
    return {(row[0], row[1], row[2], row[3], row[4]): row[5][:256] for row in rows if len(row) == 6}


def dnf_version(log: str) -> str:
    """Return the version of dnf where its log begins, empty if it says none."""
    match = _DNF.search(log)
    return match["version"][:256] if match else ""


def mock_version(log: str) -> str:
    """Return the version of mock where its output begins, empty if it says none."""
    match = _MOCK.search(log)
    return match["version"][:256] if match else ""
