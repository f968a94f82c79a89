"""Step srpm of the source job: make the SRPM in a sandbox and find out what the chroot jobs are planned from."""

import os
from pathlib import Path

from builder.model.attempt import FailureKind, SourceFacts
from builder.slave import sandbox, spec
from builder.slave.diagnosis import srpm_reason
from builder.slave.endings import failed
from builder.slave.steps.fetch import Gathered
from builder.slave.workspace import Workspace

_FACTS = spec.EVR_FORMAT + "[exclusive %{EXCLUSIVEARCH}\\n][exclude %{EXCLUDEARCH}\\n][build %{BUILDARCHS}\\n]"


def build_command(name: str) -> list[str]:
    """The arguments of rpmbuild for the SRPM of `SPECS/name`; BuildRequires are the chroot's business."""
    return ["rpmbuild", "-bs", "--nodeps", *spec.TOPDIR, f"SPECS/{name}"]


def facts_command(name: str) -> list[str]:
    """The arguments of rpm to read `SRPMS/name`; see `facts`."""
    return ["rpm", "--query", "--package", "--nosignature", "--queryformat", _FACTS, f"SRPMS/{name}"]


def facts(answer: str, gathered: Gathered) -> SourceFacts:
    """What `facts_command` answered: the EVR, then lines of a word and an architecture."""
    evr, *lines = answer.splitlines()
    architectures: dict[str, list[str]] = {"exclusive": [], "exclude": [], "build": []}
    for line in lines:
        kind, _, name = line.partition(" ")
        architectures[kind].append(name)
    return SourceFacts(
        evr=evr,
        inputs=gathered.inputs,
        commits=gathered.commits,
        exclusive_arch=tuple(architectures["exclusive"]),
        exclude_arch=tuple(architectures["exclude"]),
        build_arch=tuple(architectures["build"]),
    )


def make_srpm(workspace: Workspace, gathered: Gathered) -> tuple[Path, SourceFacts]:
    """Make the SRPM; return where it is and what it says.

    Raises:
        EndedError: rpmbuild refuses; the reason is its line.
    """
    for name in ("BUILD", "BUILDROOT", "RPMS", "SRPMS"):
        (gathered.home / name).mkdir()
    command = sandbox.on_host(build_command(gathered.spec), gathered.home, sandbox.host_links(), ["SRPMS"])
    if workspace.run(command, dict(os.environ)):
        raise failed(FailureKind.SRPM, f"the SRPM cannot be made: {srpm_reason(workspace.step_log())}")
    made = [path for path in (gathered.home / "SRPMS").iterdir() if path.match("*.src.rpm") and spec.regular(path)]
    if len(made) != 1:
        raise failed(FailureKind.SRPM, f"rpmbuild made {len(made)} SRPMs instead of one")
    answer = spec.ask(workspace, gathered.home, facts_command(made[0].name), "the SRPM cannot be read")
    return made[0], facts(answer.output, gathered)
