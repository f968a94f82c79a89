"""What went into a build, as it is checked when it comes."""

from pathlib import Path

import msgspec
import pytest

from builder.errors import InvalidError
from builder.master import inputs
from builder.model.artifact import Artifact, ArtifactKind, Listing
from builder.model.inputs import INPUTS_LIMIT, INPUTS_NAME
from builder.model.job import SOURCE, JobKind
from tests.support.inputs import CHROOT_INPUTS, SOURCE_INPUTS
from tests.support.orders import ATTEMPT

JOB = "fedora-43-x86_64"


def listing(*names: str, size: int = 1000) -> Listing:
    """A delivery with files of this name that say what it was made from."""
    own = (Artifact(name=name, kind=ArtifactKind.INPUTS, size=size, sha256="0" * 64) for name in names)
    return Listing(attempt=ATTEMPT, artifacts=tuple(own))


def test_both_kinds_of_jobs_have_their_own(tmp_path: Path) -> None:
    """A source job tells of files, another of packages; none at all is no mistake."""
    inputs.check(tmp_path, listing(), JOB, JobKind.CHROOT)
    (tmp_path / INPUTS_NAME).write_bytes(msgspec.json.encode(SOURCE_INPUTS))
    inputs.check(tmp_path, listing(INPUTS_NAME), SOURCE, JobKind.SOURCE)
    (tmp_path / INPUTS_NAME).write_bytes(msgspec.json.encode(CHROOT_INPUTS))
    inputs.check(tmp_path, listing(INPUTS_NAME), JOB, JobKind.CHROOT)


@pytest.mark.parametrize(
    "delivered",
    [listing("other.json"), listing(INPUTS_NAME, "more.json"), listing(INPUTS_NAME, size=INPUTS_LIMIT + 1)],
    ids=["another name", "two", "too large"],
)
def test_there_is_one_of_that_name(tmp_path: Path, delivered: Listing) -> None:
    """Whatever else is delivered as such is refused, before it is read."""
    with pytest.raises(InvalidError, match="its inputs are not one file"):
        inputs.check(tmp_path, delivered, JOB, JobKind.CHROOT)


@pytest.mark.parametrize("text", [b"", b"\xff", b"[" * 100_000, b"{}", msgspec.json.encode(SOURCE_INPUTS)])
def test_what_cannot_be_told_later_is_refused(tmp_path: Path, text: bytes) -> None:
    """In one sentence that names the file and the job."""
    (tmp_path / INPUTS_NAME).write_bytes(text)
    with pytest.raises(InvalidError, match=f"{INPUTS_NAME} of {JOB} cannot be read"):
        inputs.check(tmp_path, listing(INPUTS_NAME), JOB, JobKind.CHROOT)
