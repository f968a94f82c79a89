"""Write docs/states.md from builder/lifecycle.py: run it after a change there. A test tells when that was forgotten."""

import enum
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from builder.lifecycle import ATTEMPT_TRANSITIONS, JOB_TRANSITIONS
from builder.model.attempt import AttemptState
from builder.model.build import BuildState
from builder.model.job import JobState

S = TypeVar("S", bound=enum.Enum)
PAGE = Path(__file__).parents[1] / "docs" / "states.md"

HEAD = """\
# States

Written by `python scripts/states.py` from `builder/lifecycle.py`, which the code and the guards in SQL read too.
"""

JOBS: dict[JobState, str] = {
    JobState.WAITING: "for the build's source job, and in a batch for what it needs",
    JobState.QUEUED: "for a slave",
    JobState.RUNNING: "an attempt is under way",
    JobState.PUBLISHING: "built; the repository builder has the order to publish it",
    JobState.SUCCEEDED: "done; what was to be published is",
    JobState.FAILED: "the package could not be built or published, or the farm broke too many attempts",
    JobState.SKIPPED: "there was nothing to do: already built, or not meant for this chroot",
    JobState.CANCELLED: "nobody wants it any more, a newer build took its place, or what it needs did not succeed",
}

ATTEMPTS: dict[AttemptState, str] = {
    AttemptState.RUNNING: "a slave works on it, or is believed to",
    AttemptState.CANCELLING: "nobody wants it any more; it holds its place on the slave until the slave confirms",
    AttemptState.SUCCEEDED: "it delivered what was asked for",
    AttemptState.FAILED: "the package's fault: trying again would give the same",
    AttemptState.BROKEN: "the farm's fault: the job is tried again elsewhere, up to a limit",
    AttemptState.TIMED_OUT: "it took longer than the package may",
    AttemptState.CANCELLED: "the slave has stopped it",
    AttemptState.SKIPPED: "the gate found nothing to build",
    AttemptState.SUPERSEDED: "the job has moved on without it",
}

BUILDS: dict[BuildState, str] = {
    BuildState.QUEUED: "every job is waiting or queued",
    BuildState.RUNNING: "some job has begun, and not all have ended",
    BuildState.SUCCEEDED: "every job has succeeded or was skipped",
    BuildState.FAILED: "every job has ended, and one has failed",
    BuildState.CANCELLED: "every job has ended, none has failed, and one was cancelled",
}


def page() -> str:
    """The whole page."""
    return "\n".join(
        (
            HEAD,
            _section("Jobs", JobState, JOBS, JOB_TRANSITIONS),
            _section("Attempts", AttemptState, ATTEMPTS, ATTEMPT_TRANSITIONS),
            "## Builds\n",
            "A build's state is not stored; it follows from the states of its jobs.\n",
            "| state | means |\n|---|---|",
            "".join(f"| `{state.value}` | {BUILDS[state]} |\n" for state in BuildState),
        )
    )


def _section(title: str, states: type[S], meanings: Mapping[S, str], transitions: Mapping[S, frozenset[S]]) -> str:
    lines = [f"## {title}\n", "| state | means | may become |", "|---|---|---|"]
    for state in states:
        names = ", ".join(f"`{after.value}`" for after in states if after in transitions[state])
        lines.append(f"| `{state.value}` | {meanings[state]} | {names or 'nothing: an end'} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
