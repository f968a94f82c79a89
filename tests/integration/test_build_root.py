"""A build root as the packages in it may have left it, before anything is started in it."""

from pathlib import Path

import pytest
from typing_extensions import override

from builder.attempt.endings import EndedError
from builder.model.attempt import AttemptState, FailureKind
from builder.model.inputs import Program
from builder.model.options import Options
from builder.runner import sandbox
from builder.runner.executors.chroot import ChrootRoot
from builder.runner.workspace import Workspace
from tests.support.attempts import RealAttempt
from tests.support.orders import order, source_work


class UnpackedRoot(ChrootRoot):
    """One whose SRPM needs no rpm in the tree."""

    @override
    def _unpack(self) -> None:
        pass


def given(tmp_path: Path, name: str) -> tuple[Workspace, Path, Path]:
    """A workspace, a tree in which something may be put in the place of `name`, and an SRPM."""
    workspace = RealAttempt(tmp_path / "state", order(source_work())).workspace()
    tree = workspace.folder("root")
    (tree / name).parent.mkdir(parents=True, exist_ok=True)
    srpm = tmp_path / "hello.src.rpm"
    srpm.touch()
    return workspace, tree, srpm


def assert_refused(error: EndedError, name: str) -> None:
    assert (error.outcome.state, error.outcome.kind) == (AttemptState.FAILED, FailureKind.DEPENDENCY)
    assert error.outcome.reason == f"a package in the build root has put a link in the place of /{name}"


@pytest.mark.parametrize("name", [*sandbox.MOUNT_POINTS, *sandbox.MOUNTED_FILES])
def test_link_in_the_place_of_a_mount_point_is_refused(tmp_path: Path, name: str) -> None:
    """bubblewrap has the host below /oldroot while it mounts: it would make a missing file there, as the slave."""
    workspace, tree, srpm = given(tmp_path, name)
    (tree / name).symlink_to(f"/oldroot{tmp_path}/made")
    with pytest.raises(EndedError) as caught:
        ChrootRoot(
            workspace, tree, srpm, Options(), history=tree / "history", filled_by=Program(name="dnf", version="")
        )
    assert_refused(caught.value, name)
    assert not (tmp_path / "made").exists()


def test_link_that_came_with_the_build_is_refused(tmp_path: Path) -> None:
    """mock installs what `%generate_buildrequires` names while it builds, and the tree is entered once more then."""
    workspace, tree, srpm = given(tmp_path, "tmp")
    program = Program(name="mock", version="")
    root = UnpackedRoot(workspace, tree, srpm, Options(), history=tree / "history", filled_by=program)
    (tree / "tmp").symlink_to(f"/oldroot{tmp_path}/made")
    with pytest.raises(EndedError) as caught:
        root.packages()
    assert_refused(caught.value, "tmp")
