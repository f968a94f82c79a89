"""What becomes of a build's chroot jobs when its source job has ended."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from builder.lifecycle import JOB_ENDS, JOB_TRANSITIONS
from builder.master.decisions.plan import Planned, planned, without_source
from builder.model.attempt import SourceFacts
from builder.model.job import JobState

X86, ARM, OLD = "fedora-43-x86_64", "fedora-43-aarch64", "fedora-42-x86_64"


def facts(**values: Any) -> SourceFacts:
    """What a source job found out."""
    return SourceFacts(evr="1.0-1", inputs="0" * 64, commits=(), **values)


def queued(chroot: str, *targets: str) -> Planned:
    """A job that is queued, for its own chroot alone unless the test says otherwise."""
    return Planned(chroot=chroot, state=JobState.QUEUED, targets=targets or (chroot,))


def skipped(chroot: str, reason: str) -> Planned:
    """A job that is skipped."""
    return Planned(chroot=chroot, state=JobState.SKIPPED, reason=reason)


def test_a_spec_without_wishes_is_built_everywhere() -> None:
    """Each chroot's job is queued, for that chroot."""
    assert planned(facts(), (X86, ARM)) == (queued(X86), queued(ARM))


def test_exclusive_arch() -> None:
    """A chroot whose architecture is not listed is skipped, and the reason lists what is."""
    assert planned(facts(exclusive_arch=("x86_64", "ppc64le")), (X86, ARM)) == (
        queued(X86),
        skipped(ARM, "the spec is for x86_64 ppc64le (ExclusiveArch)"),
    )


def test_exclude_arch() -> None:
    """A chroot whose architecture is excluded is skipped."""
    assert planned(facts(exclude_arch=("aarch64",)), (X86, ARM)) == (
        queued(X86),
        skipped(ARM, "the spec is not for aarch64 (ExcludeArch)"),
    )


def test_build_arch_of_a_machine() -> None:
    """BuildArch with an architecture is an ExclusiveArch by another name."""
    assert planned(facts(build_arch=("aarch64",)), (X86, ARM))[0].state is JobState.SKIPPED


def test_noarch_is_built_once_per_distribution() -> None:
    """The first chroot of each distribution version builds for all of that version."""
    assert planned(facts(build_arch=("noarch",)), (X86, ARM, OLD)) == (
        queued(X86, X86, ARM),
        skipped(ARM, f"the package is noarch and built in {X86} for this chroot too"),
        queued(OLD),
    )


def test_noarch_where_the_first_chroot_is_excluded() -> None:
    """The first chroot that the spec allows builds it, and those that it does not allow get nothing."""
    wishes = facts(build_arch=("noarch",), exclusive_arch=("aarch64", "noarch"))
    assert planned(wishes, (X86, ARM)) == (skipped(X86, "the spec is for aarch64 (ExclusiveArch)"), queued(ARM))


def test_noarch_alone_restricts_nothing() -> None:
    """ExclusiveArch: noarch says how it is built, not where."""
    wishes = facts(build_arch=("noarch",), exclusive_arch=("noarch",))
    assert planned(wishes, (X86, ARM))[0] == queued(X86, X86, ARM)


def test_noarch_that_is_built_for_one_chroot_is_published_for_its_distribution() -> None:
    """Another build for another chroot would make the same name with other content."""
    assert planned(facts(build_arch=("noarch",)), (ARM,), (X86, OLD)) == (queued(ARM, ARM, X86),)
    wishes = facts(build_arch=("noarch",), exclude_arch=("x86_64",))
    assert planned(wishes, (ARM,), (X86, OLD)) == (queued(ARM),)
    assert planned(facts(), (ARM,), (X86, OLD)) == (queued(ARM),)


architectures = st.lists(st.sampled_from(("x86_64", "aarch64", "noarch")), max_size=3, unique=True).map(tuple)
some_chroots = st.lists(st.sampled_from((X86, ARM, OLD, "fedora-42-aarch64")), unique=True)


@given(architectures, architectures, architectures, some_chroots, st.integers(0, 4))
def test_every_chroot_is_served_at_most_once(
    exclusive: tuple[str, ...], excluded: tuple[str, ...], build: tuple[str, ...], every: list[str], asked: int
) -> None:
    """Every chroot has a plan; each is published into by one job at most, and by one exactly if the spec allows it."""
    chroots, others = every[:asked], every[asked:]
    plans = planned(facts(exclusive_arch=exclusive, exclude_arch=excluded, build_arch=build), chroots, others)
    assert [plan.chroot for plan in plans] == chroots
    assert all(plan.state in JOB_TRANSITIONS[JobState.WAITING] for plan in plans)
    served = [target for plan in plans for target in plan.targets]
    assert len(set(served)) == len(served)
    refused = {plan.chroot for plan in plans if "the spec is" in plan.reason}
    assert set(served) & set(chroots) == set(chroots) - refused
    assert set(served) <= set(chroots) or set(build) == {"noarch"}
    assert all(plan.chroot == plan.targets[0] for plan in plans if plan.state is JobState.QUEUED)
    assert all(plan.reason for plan in plans if plan.state is JobState.SKIPPED)


def test_without_a_source_nothing_waits_for_ever() -> None:
    """Whatever end the source job comes to but success, the jobs that wait for it end too, and say why."""
    for end in JOB_ENDS - {JobState.SUCCEEDED}:
        then = without_source(end)
        assert then.state in JOB_TRANSITIONS[JobState.WAITING] & JOB_ENDS
        assert end.value in then.reason
