"""A build root as the packages in it may have left it, before anything is started in it."""

from pathlib import Path

import pytest

from builder.model.attempt import AttemptState, FailureKind
from builder.model.inputs import Program
from builder.model.options import Options
from builder.slave import sandbox
from builder.slave.endings import EndedError
from builder.slave.executors.chroot import ChrootRoot
from tests.support.attempts import RealAttempt
from tests.support.orders import order, source_work


@pytest.mark.parametrize("name", [*sandbox.MOUNT_POINTS, *sandbox.MOUNTED_FILES])
def test_link_in_the_place_of_a_mount_point_is_refused(tmp_path: Path, name: str) -> None:
    """bubblewrap has the host below /oldroot while it mounts: it would make a missing file there, as the slave."""
    workspace = RealAttempt(tmp_path / "state", order(source_work())).workspace()
    tree = workspace.folder("root")
    (tree / name).parent.mkdir(parents=True, exist_ok=True)
    (tree / name).symlink_to(f"/oldroot{tmp_path}/made")
    srpm = tmp_path / "hello.src.rpm"
    srpm.touch()
    with pytest.raises(EndedError) as caught:
        ChrootRoot(
            workspace, tree, srpm, Options(), history=tree / "history", filled_by=Program(name="dnf", version="")
        )
    outcome = caught.value.outcome
    assert (outcome.state, outcome.kind) == (AttemptState.FAILED, FailureKind.DEPENDENCY)
    assert outcome.reason == f"a package in the build root has put a link in the place of /{name}"
    assert not (tmp_path / "made").exists()
