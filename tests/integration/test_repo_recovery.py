"""State folders that are damaged, copied or set back: nothing is removed on missing evidence, nobody else suffers."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from builder.errors import BuilderError, UnavailableError, VersionError
from builder.model.operation import NumberedOperation
from builder.model.project import Retention
from builder.repo.thinning import DAILY, GRACE
from builder.wire import Applied
from tests.support.repositories import Workbench, names, picture
from tests.support.rpms import deliver, order_of, rpms

TREE = "repos/hello/testing/fedora-43/x86_64"


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    """Two generations of one project, and another project beside."""
    bench = Workbench(tmp_path / "state")
    for number in (1, 2):
        publish(bench, number, *rpms("hello", str(number)))
    publish(bench, 3, *rpms("other"), project="other", package="other")
    return bench


def publish(bench: Workbench, number: int, *files: Path, **changes: Any) -> None:
    order = order_of(number, **changes)
    deliver(bench.state, order, files)
    (answer,) = bench.operations.carry_out([NumberedOperation(number=number, operation=order)])
    assert isinstance(answer, Applied), answer


def _no_link(tree: Path) -> None:
    (tree / "repodata").unlink()


def _folder_for_link(tree: Path) -> None:
    files = tree / "repodata"
    content = files.resolve()
    files.unlink()
    shutil.copytree(content, files)


def _no_manifest(tree: Path) -> None:
    (tree / "generations/2/manifest.json").unlink()


def _manifest_of_another_version(tree: Path) -> None:
    (tree / "generations/2/manifest.json").write_bytes(b'{"format": 3}')


def _operation_of_another_version(tree: Path) -> None:
    manifest = tree / "generations/2/manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"publish"', b'"freeze"'))


DAMAGES: dict[str, tuple[Callable[[Path], None], type[Exception], str]] = {
    "no link": (_no_link, UnavailableError, "repodata is missing"),
    "a link that became a folder": (_folder_for_link, UnavailableError, "is no symbolic link"),
    "no manifest": (_no_manifest, FileNotFoundError, "manifest.json"),
    "a newer manifest": (_manifest_of_another_version, VersionError, "cannot be read by this version"),
    "a newer operation": (_operation_of_another_version, VersionError, "cannot be read by this version: .*'freeze'"),
}


@pytest.mark.parametrize(("damage", "error", "sentence"), DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_repository_is_left_as_it_is(
    bench: Workbench, damage: Callable[[Path], None], error: type[Exception], sentence: str
) -> None:
    """Where it cannot be seen what a repository holds, nothing of it is removed; only its own operations fail, and
    say why, until somebody has mended it."""
    damage(bench.state / TREE)
    before = picture(bench.state)
    later = Workbench(bench.state, bench.now + 2 * GRACE + DAILY)
    assert picture(bench.state) == before
    publish(later, 4, *rpms("other", "2.0"), project="other", package="other")
    assert picture(bench.state / "repos/hello") == {
        path.removeprefix("repos/hello/"): what for path, what in before.items() if path.startswith("repos/hello/")
    }
    order = order_of(5)
    deliver(bench.state, order, rpms("hello", "3"))
    with pytest.raises(error, match=sentence):
        later.operations.carry_out([NumberedOperation(number=5, operation=order)])
    assert (bench.state / "incoming/5/fedora-43-x86_64/1/listing.json").exists()


def test_a_mended_link_is_enough(bench: Workbench) -> None:
    """What the sentence advises works, without a restart."""
    (bench.state / TREE / "repodata").unlink()
    later = Workbench(bench.state)
    order = order_of(5)
    deliver(bench.state, order, rpms("hello", "3"))
    with pytest.raises(BuilderError):
        later.operations.carry_out([NumberedOperation(number=5, operation=order)])
    (bench.state / TREE / "repodata").symlink_to("generations/2/repodata")
    (answer,) = later.operations.carry_out([NumberedOperation(number=5, operation=order)])
    assert isinstance(answer, Applied)
    assert names(bench.state / TREE) == ["hello-1-1.noarch", "hello-2-1.noarch", "hello-3-1.noarch"]


def test_a_copy_without_hard_links_is_whole(bench: Workbench, tmp_path: Path) -> None:
    """What is needed follows from the manifests: a copy that lost the links of the files loses no package."""
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-r", "--preserve=timestamps", bench.state, copy], check=True)
    later = Workbench(copy)
    assert {path.name for path in copy.glob("pool/*/*")} == {path.name for path in bench.state.glob("pool/*/*")}
    publish(later, 4, *rpms("hello", "3"))
    assert names(copy / TREE) == ["hello-1-1.noarch", "hello-2-1.noarch", "hello-3-1.noarch"]


def test_another_repository_s_packages_stay(bench: Workbench, tmp_path: Path) -> None:
    """In such a copy, too, a package that one repository drops stays in the pool for the other."""
    both = ("fedora-44-x86_64", "fedora-45-x86_64")
    publish(bench, 5, *rpms("shared", "1"), package="shared", srpm="shared-1-1.src.rpm", chroots=both)
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-r", "--preserve=timestamps", bench.state, copy], check=True)
    later = Workbench(copy, bench.now)
    for number in (6, 7):
        later.now += GRACE + DAILY + 1
        changes = {"package": "shared", "retention": Retention(versions=1)}
        publish(later, number, *rpms("shared", str(number)), chroots=("fedora-44-x86_64",), **changes)
    publish(later, 8, *rpms("hello", "8"), chroots=("fedora-45-x86_64",))
    assert names(copy / "repos/hello/testing/fedora-45/x86_64") == ["hello-8-1.noarch", "shared-1-1.noarch"]


@pytest.mark.parametrize("lost", ["*.rpm", "*.index-1", "*.card-1", "*"])
def test_what_the_pool_lacks_is_taken_again(bench: Workbench, lost: str) -> None:
    """A pool that is older than the repositories, as after a restored copy, is mended from what they hold."""
    before = picture(bench.state)
    for path in bench.state.glob(f"pool/*/{lost}"):
        path.unlink()
    later = Workbench(bench.state)
    assert picture(bench.state).keys() == before.keys()
    publish(later, 4, *rpms("hello", "3"))
    assert names(bench.state / TREE) == ["hello-1-1.noarch", "hello-2-1.noarch", "hello-3-1.noarch"]


def test_a_damaged_package_is_not_taken_again(bench: Workbench) -> None:
    """A file that is not what was published any more is never published anew; the sentence names it."""
    package = bench.state / TREE / "Packages/h/hello-2-1.noarch.rpm"
    content = package.read_bytes()
    for path in bench.state.glob("pool/*/*"):
        path.unlink()
    package.write_bytes(content + b"x")
    later = Workbench(bench.state)
    deliver(bench.state, order_of(4), rpms("hello", "3"))
    with pytest.raises(UnavailableError, match=r"hello-2-1\.noarch\.rpm is damaged"):
        later.operations.carry_out([NumberedOperation(number=4, operation=order_of(4))])


def test_a_decision_of_another_time_is_not_carried_out(bench: Workbench) -> None:
    """After a restored copy, a record of what was to become current never leads back, nor to what is not there."""
    record = bench.state / "switching/hello.json"
    tree = "hello/testing/fedora-43/x86_64"
    record.write_text(f'[{{"repository": "{tree}", "generation": 1}}, {{"repository": "{tree}", "generation": 9}}]')
    Workbench(bench.state)
    assert names(bench.state / TREE) == ["hello-1-1.noarch", "hello-2-1.noarch"]
    assert not record.exists()


def test_a_damaged_record_is_named(bench: Workbench) -> None:
    """What cannot be read of the pool fails the operation with what to do about it, and that helps."""
    for path in bench.state.glob("pool/*/*.index-1"):
        path.write_bytes(path.read_bytes()[:10])
    order = NumberedOperation(number=4, operation=order_of(4))
    deliver(bench.state, order_of(4), rpms("hello", "3"))
    with pytest.raises(UnavailableError, match=r"\.index-1 is damaged .*: remove it"):
        bench.operations.carry_out([order])
    for path in bench.state.glob("pool/*/*.index-1"):
        path.unlink()
    (answer,) = Workbench(bench.state).operations.carry_out([order])
    assert isinstance(answer, Applied)


def test_a_decision_that_cannot_be_read(bench: Workbench) -> None:
    """As long as nobody knows what was decided for a project, nothing is done to its repositories."""
    (bench.state / "switching/hello.json").write_bytes(b"[{")
    before = picture(bench.state / "repos/hello")
    later = Workbench(bench.state)
    publish(later, 4, *rpms("other", "2.0"), project="other", package="other")
    deliver(bench.state, order_of(5), rpms("hello", "3"))
    with pytest.raises(VersionError, match=r"switching/hello\.json cannot be read"):
        later.operations.carry_out([NumberedOperation(number=5, operation=order_of(5))])
    assert picture(bench.state / "repos/hello") == before
