"""Whatever is damaged in a repository is found and named, and a rebuild mends what can be mended."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from builder.model.operation import Key, KeyAction, Rebuild, Verify
from builder.model.project import Retention
from builder.wire import Applied, Rejected
from tests.support.histories import NAME, TREE, ordered, published, told
from tests.support.repositories import Workbench, picture
from tests.support.rpms import rpms

WHOLE = "verified hello 2 repositories: no faults"
VERIFY = Verify(project="hello")
REBUILD = Rebuild(project="hello", repository=NAME)
HELLO = "Packages/h/hello-2-1.noarch.rpm"


@pytest.fixture(params=["unsigned", "signed"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Workbench:
    """Two generations of a repository."""
    bench = Workbench(tmp_path / "state")
    if request.param == "signed":
        ordered(bench, 90, Key(project="hello", action=KeyAction.CREATE))
    for number in (1, 2):
        published(bench, number, *rpms("hello", str(number)), retention=Retention(versions=1))
    return bench


def _own_copy(file: Path) -> Path:
    """The file with a content that it shares with no other name."""
    content = file.read_bytes()
    file.unlink()
    file.write_bytes(content)
    return file


def _package(tree: Path) -> None:
    _own_copy(tree / HELLO).write_bytes(b"cut")


def _missing_package(tree: Path) -> None:
    (tree / HELLO).unlink()


def _pool(tree: Path) -> None:
    _own_copy(_pooled(tree)).write_bytes(b"cut")


def _missing_in_pool(tree: Path) -> None:
    _pooled(tree).unlink()


def _record(tree: Path) -> None:
    _pooled(tree).with_suffix(".index-1").write_bytes(b"x")


def _card(tree: Path) -> None:
    _pooled(tree).with_suffix(".card-1").write_bytes(b"[" * 100_000)


def _no_card(tree: Path) -> None:
    _pooled(tree).with_suffix(".card-1").unlink()


def _pooled(tree: Path) -> Path:
    """The pool's file of the newest package."""
    return next(path for path in tree.parents[4].glob("pool/*/*.rpm") if path.samefile(tree / HELLO))


def _metadata(tree: Path) -> None:
    (file,) = (tree / "repodata").glob("*primary.xml.gz")
    file.write_bytes(b"x")


def _old_metadata(tree: Path) -> None:
    (tree / "generations/1/repodata/repomd.xml").write_text("<")


def _no_metadata(tree: Path) -> None:
    shutil.rmtree(tree / "generations/2/repodata")


def _no_generation(tree: Path) -> None:
    shutil.rmtree(tree / "generations/1")


def _no_link(tree: Path) -> None:
    (tree / "repodata").unlink()


def _folder_for_link(tree: Path) -> None:
    content = (tree / "repodata").resolve()
    (tree / "repodata").unlink()
    shutil.copytree(content, tree / "repodata")


def _manifest(tree: Path) -> None:
    (tree / "generations/2/manifest.json").write_bytes(b"{")


def _other_manifest(tree: Path) -> None:
    shutil.copy(tree / "generations/2/manifest.json", tree / "generations/1/manifest.json")


def _packages_link(tree: Path) -> None:
    link = tree / "generations/2/Packages"
    link.unlink()
    link.symlink_to("../../../Packages")


DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "package": (_package, f"damaged hello-2-1.noarch {HELLO} is damaged"),
    "no package": (_missing_package, f"missing hello-2-1.noarch {HELLO} is not there"),
    "pool": (_pool, f"damaged hello-2-1.noarch {HELLO} is damaged in the pool"),
    "not in the pool": (_missing_in_pool, f"damaged hello-2-1.noarch {HELLO} is not in the pool"),
    "record": (_record, f"damaged hello-2-1.noarch {HELLO} has no record in the pool that can be read"),
    "card": (_card, f"damaged hello-2-1.noarch {HELLO} has no card in the pool that can be read"),
    "no card": (_no_card, f"damaged hello-2-1.noarch {HELLO} has no card in the pool that can be read"),
    "metadata": (_metadata, f"damaged {NAME}/generations/2"),
    "old metadata": (_old_metadata, f"damaged {NAME}/generations/1"),
    "no metadata": (_no_metadata, f"damaged {NAME}/generations/2"),
    "no generation": (_no_generation, f"damaged {NAME}/generations/1"),
    "no link": (_no_link, f"damaged {NAME} "),
    "a folder for the link": (_folder_for_link, f"damaged {NAME} "),
    "manifest": (_manifest, f"damaged {NAME} "),
    "another manifest": (_other_manifest, f"damaged {NAME}/generations/1 manifest.json is not the one"),
    "a link elsewhere": (_packages_link, f"damaged {NAME}/generations/2 Packages is no link to ../../Packages"),
}


@pytest.mark.parametrize(("damage", "line"), DAMAGES.values(), ids=DAMAGES.keys())
def test_damage_is_named_and_mended(bench: Workbench, damage: Callable[[Path], None], line: str) -> None:
    """Verify says what is damaged and which command mends it; that command makes every byte and link what it was."""
    assert told(ordered(bench, 10, VERIFY)) == [WHOLE]
    before = picture(bench.state)
    damage(bench.state / TREE)
    damaged = picture(bench.state)
    summary, *lines = told(ordered(bench, 11, VERIFY))
    assert summary != WHOLE
    (found,) = [one for one in lines if one.startswith(line)]
    assert found.endswith(f"mend it: builder repo rebuild {NAME}")
    assert picture(bench.state) == damaged
    answer = ordered(bench, 12, REBUILD)
    assert isinstance(answer, Applied), answer
    assert {finding.kind.value for finding in answer.findings.first} == {"rebuilt"}
    assert picture(bench.state) == before
    assert told(ordered(bench, 13, VERIFY))[0] == WHOLE
    assert told(ordered(bench, 14, REBUILD)) == [f"whole {NAME} there was nothing to mend"]


def test_a_package_that_is_damaged_everywhere(bench: Workbench) -> None:
    """What cannot be made anew is named, with the file that is to be put back, and nothing is removed."""
    (bench.state / TREE / HELLO).write_bytes(b"cut")
    before = picture(bench.state)
    answer = ordered(bench, 10, REBUILD)
    assert isinstance(answer, Rejected)
    assert answer.reason.startswith(f"{HELLO} is damaged in the pool and in the repository (1 in all are): put ")
    assert picture(bench.state) == before


def test_a_manifest_of_the_past_that_is_damaged(bench: Workbench) -> None:
    """History that cannot be read is named."""
    (bench.state / TREE / "manifests/1.json.gz").write_bytes(b"x")
    lines = told(ordered(bench, 10, VERIFY))
    assert [line.split()[:3] for line in lines if line.startswith("history")] == [["history", NAME, "1"]]


@pytest.mark.parametrize(
    ("order", "sentence"),
    [
        (Verify(project="nobody"), "there is no repository of a project nobody"),
        (Rebuild(project="hello", repository="hello/testing/fedora-99/x86_64"), "there is no repository hello/testing"),
        (Rebuild(project="other", repository=NAME), "is no repository of the project other"),
    ],
)
def test_what_is_not_there(bench: Workbench, order: Verify | Rebuild, sentence: str) -> None:
    """An order about nothing gets one sentence."""
    answer = ordered(bench, 10, order)
    assert isinstance(answer, Rejected)
    assert sentence in answer.reason
