"""Step collect: put what the attempt delivers into `results/`, known by its digest, with the listing of all of it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from builder import files
from builder.attempt.endings import failed
from builder.model import LABEL_PATTERN
from builder.model.artifact import LISTING_NAME, Artifact, ArtifactKind, Listing
from builder.model.attempt import FailureKind
from builder.runner import sandbox
from builder.runner.diagnosis import check_sandbox
from builder.runner.spec import regular
from builder.runner.steps import dependencies
from builder.runner.workspace import Workspace

_NEVRA = "%{NAME}-%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}.%|SOURCERPM?{%{ARCH}}:{src}|\\n"
_LONGEST_NAME = 128
_MOST = 4000
"""Most files of an attempt: fewer than a listing may hold."""


def collect(workspace: Workspace, attempt: str, products: Sequence[Path], others: Mapping[Path, ArtifactKind]) -> None:
    """Deliver the RPMs and SRPMs `products`, what the RPMs provide, and the files `others`; the listing comes last.

    Raises:
        EndedError: The build made something that is no package, or has a name that is none, or too much.
    """
    results = workspace.attempt.results
    results.mkdir()
    if len(products) > _MOST:
        raise failed(FailureKind.COMPILE, f"the build made {len(products)} files, of which {_MOST} may be delivered")
    for path in products:
        if not regular(path) or not re.fullmatch(LABEL_PATTERN, path.name) or len(path.name) > _LONGEST_NAME:
            raise failed(FailureKind.COMPILE, f"the build made {path.name[:200]!r}, which is not a package's file")
        files.move(path, results / path.name)
    names = [path.name for path in products]
    artifacts = _packages(results, names, nevras(workspace, results, names))
    found = {}
    if built := [name for name in names if not name.endswith(".src.rpm")]:
        found[dependencies.of_packages(workspace, results, built)] = ArtifactKind.DEPENDENCIES
    for path, kind in (*others.items(), *found.items()):
        files.move(path, results / path.name)
        artifacts.append(_artifact(results / path.name, kind))
    listing = Listing(attempt=attempt, artifacts=tuple(artifacts))
    files.write(results / LISTING_NAME, msgspec.json.encode(listing))


def nevras(workspace: Workspace, folder: Path, names: Sequence[str]) -> Sequence[str]:
    """Return the NEVRA of each of these files, in order; they are of unknown origin, and read in a sandbox.

    Raises:
        EndedError: One of them is no package.
    """
    if not names:
        return ()
    query = ["rpm", "--query", "--package", "--nosignature", "--queryformat", _NEVRA]
    answer = workspace.ask(sandbox.on_host([*query, *names], folder, sandbox.host_links()))
    lines = answer.output.splitlines()
    check_sandbox(answer.errors)
    if answer.code or len(lines) != len(names):
        raise failed(FailureKind.COMPILE, f"the build made what is no package: {answer.last_error}")
    return lines


def _packages(folder: Path, names: Iterable[str], nevras: Iterable[str]) -> list[Artifact]:
    return [
        _artifact(folder / name, ArtifactKind.SRPM if name.endswith(".src.rpm") else ArtifactKind.RPM, nevra)
        for name, nevra in zip(names, nevras, strict=True)
    ]


def _artifact(path: Path, kind: ArtifactKind, nevra: str | None = None) -> Artifact:
    return Artifact(name=path.name, kind=kind, size=path.stat().st_size, sha256=files.sha256(path), nevra=nevra)
