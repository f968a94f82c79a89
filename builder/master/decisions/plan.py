"""The plan of a build's chroot jobs when its source job has ended. A pure decision.

The spec says where it can be built: `ExclusiveArch` and `ExcludeArch`, and a `BuildArch` other than `noarch`, which
is an `ExclusiveArch` by another name. A noarch package is built once per version of a distribution, in the first of
its chroots, and published for all of them, also those that the build itself is not for: another one would be made of
the same sources under the same name. Another version's build root would make something else of it.
"""

from collections.abc import Sequence

from builder.master.decisions.retry import Next
from builder.model import Value
from builder.model.attempt import SourceFacts
from builder.model.chroot import architecture_of
from builder.model.job import JobState

NOARCH = "noarch"


class Planned(Value, frozen=True, kw_only=True):
    """The plan of one chroot job: queued, with the chroots whose repositories get the result, or skipped."""

    chroot: str
    state: JobState
    reason: str = ""
    targets: tuple[str, ...] = ()


def planned(source: SourceFacts, chroots: Sequence[str], others: Sequence[str] = ()) -> tuple[Planned, ...]:
    """Return the plan of the job of each of these chroots after a source job that found `source`.

    `others` are chroots that the package is built for and this build is not.
    """
    refusals = {chroot: _refusal(source, architecture_of(chroot)) for chroot in (*chroots, *others)}
    fit = [chroot for chroot in refusals if not refusals[chroot]]
    return tuple(
        Planned(chroot=chroot, state=JobState.SKIPPED, reason=refusals[chroot])
        if refusals[chroot]
        else _fitting(chroot, _targets(source, chroot, fit))
        for chroot in chroots
    )


def without_source(end: JobState) -> Next:
    """Return the next state of the chroot jobs that wait for a source job which ended like this without success."""
    if end is JobState.SKIPPED:
        return Next(state=JobState.SKIPPED, reason="the source job was skipped")
    reason = "the source job was cancelled" if end is JobState.CANCELLED else f"the source job {end.value}"
    return Next(state=JobState.CANCELLED, reason=reason)


def _refusal(source: SourceFacts, architecture: str) -> str:
    """Return the reason why the spec is not for this architecture, empty if it is."""
    for tag, wanted in (("ExclusiveArch", source.exclusive_arch), ("BuildArch", source.build_arch)):
        machines = [name for name in wanted if name != NOARCH]
        if machines and architecture not in machines:
            return f"the spec is for {' '.join(machines)} ({tag})"
    if architecture in source.exclude_arch:
        return f"the spec is not for {architecture} (ExcludeArch)"
    return ""


def _fitting(chroot: str, targets: tuple[str, ...]) -> Planned:
    """Return the plan of a job of a chroot that the spec is for; `targets` are served by one job, that of the first."""
    if targets[0] == chroot:
        return Planned(chroot=chroot, state=JobState.QUEUED, targets=targets)
    reason = f"the package is noarch and built in {targets[0]} for this chroot too"
    return Planned(chroot=chroot, state=JobState.SKIPPED, reason=reason)


def _targets(source: SourceFacts, chroot: str, fit: Sequence[str]) -> tuple[str, ...]:
    """Return the chroots that share one job with `chroot`, itself included."""
    if set(source.build_arch) != {NOARCH}:
        return (chroot,)
    return tuple(other for other in fit if _distribution(other) == _distribution(chroot))


def _distribution(chroot: str) -> str:
    return chroot.rpartition("-")[0]
