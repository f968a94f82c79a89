"""Step srpm of the source job: make the SRPM in a sandbox, and find the facts that the chroot jobs are planned from."""

from pathlib import Path

import msgspec

from builder.attempt.endings import failed
from builder.model.attempt import FailureKind, SourceFacts
from builder.model.options import Options
from builder.runner import sandbox, spec
from builder.runner.diagnosis import srpm_reason
from builder.runner.steps.fetch import Gathered
from builder.runner.workspace import Workspace

_TAGS = {"ExclusiveArch": "EXCLUSIVEARCH", "ExcludeArch": "EXCLUDEARCH", "BuildArch": "BUILDARCHS"}
_REQUIRES = "BuildRequires "
_FACTS = (
    spec.EVR_FORMAT
    + "".join(f"[{spec.ANSWER}{name} %{{{tag}}}]" for name, tag in _TAGS.items())
    + f"[{spec.ANSWER}{_REQUIRES}%{{REQUIRENAME}}]\\n"
)


def build_command(name: str, options: Options) -> list[str]:
    """Return the arguments of rpmbuild for the SRPM of `SPECS/name`; BuildRequires are the chroot's business."""
    return ["rpmbuild", "-bs", "--nodeps", *spec.TOPDIR, *spec.defines(options), f"SPECS/{name}"]


def facts_command(name: str) -> list[str]:
    """Return the arguments of rpm to read `SRPMS/name`; see `facts`."""
    return ["rpm", "--query", "--package", "--nosignature", "--queryformat", _FACTS, f"SRPMS/{name}"]


def facts(output: str, gathered: Gathered) -> SourceFacts:
    """Return the facts in the answer to `facts_command`.

    They are the EVR, tags with an architecture each, and BuildRequires, see `requires`.

    Raises:
        EndedError: There is nothing to plan from: the EVR is none, or an architecture is none but an unknown macro.
    """
    tags: dict[str, list[str]] = {name: [] for name in _TAGS}
    lines = [line for line in spec.answers(output)[1:] if not line.startswith(_REQUIRES)]
    for line in lines:
        name, _, architecture = line.partition(" ")
        tags.setdefault(name, []).append(architecture)
    made = SourceFacts(
        evr=spec.checked_evr(output),
        inputs=gathered.inputs,
        commits=gathered.commits,
        exclusive_arch=tuple(tags["ExclusiveArch"]),
        exclude_arch=tuple(tags["ExcludeArch"]),
        build_arch=tuple(tags["BuildArch"]),
    )
    try:
        return msgspec.convert(msgspec.to_builtins(made), SourceFacts)
    except msgspec.ValidationError as error:
        reason = f"the spec's architectures are too many, or not all of them names: {', '.join(lines)}"
        raise failed(FailureKind.SRPM, reason) from error


def requires(output: str) -> tuple[str, ...]:
    """Return the BuildRequires in the answer to `facts_command`, without their versions."""
    return tuple(line.removeprefix(_REQUIRES) for line in spec.answers(output) if line.startswith(_REQUIRES))


def make_srpm(workspace: Workspace, gathered: Gathered) -> tuple[Path, SourceFacts, tuple[str, ...]]:
    """Make the SRPM; return its path, its facts, and its BuildRequires.

    Raises:
        EndedError: rpmbuild refuses; the reason is its line.
    """
    for name in ("BUILD", "BUILDROOT", "RPMS", "SRPMS"):
        (gathered.home / name).mkdir()
    command = build_command(gathered.spec, gathered.options)
    if workspace.run(sandbox.on_host(command, gathered.home, sandbox.host_links(), ["SRPMS"])):
        raise failed(FailureKind.SRPM, f"the SRPM cannot be made: {srpm_reason(workspace.step_log())}")
    made = [path for path in (gathered.home / "SRPMS").iterdir() if path.match("*.src.rpm") and spec.regular(path)]
    if len(made) != 1:
        raise failed(FailureKind.SRPM, f"rpmbuild made {len(made)} SRPMs instead of one")
    answer = spec.ask(workspace, gathered.home, facts_command(made[0].name), "the SRPM cannot be read")
    return made[0], facts(answer.output, gathered), requires(answer.output)
