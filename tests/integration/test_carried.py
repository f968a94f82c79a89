"""What repositories carry beside packages is read by those who use it."""

import gzip
from pathlib import Path

import createrepo_c
import pytest

from builder.model.operation import Promote, Undo
from builder.model.project import Retention
from builder.wire import Applied
from tests.support.dnf import Client
from tests.support.histories import ordered, published
from tests.support.repositories import Workbench
from tests.support.rpms import rpms

STABLE = "repos/hello/stable/fedora-43/x86_64"
FIX = """* Wed Jun 03 2026 Fixer <fixer@example.org> - 2-1
- Fix CVE-2026-12345 & <more>
"""


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    """Two versions of a package, of which the second repairs something, promoted one after the other."""
    bench = Workbench(tmp_path / "state")
    for number, changes in ((1, ""), (3, FIX)):
        version = str(number // 2 + 1)
        files = rpms("hello", version, changes=changes)
        published(bench, number, *files, srpm=f"hello-{version}-1.src.rpm", retention=Retention(versions=9))
        answer = ordered(
            bench, number + 1, Promote(project="hello", source="testing", target="stable", everything=True)
        )
        assert isinstance(answer, Applied), answer
        bench.now += 60
    return bench


def _record(tree: Path, kind: str) -> Path:
    repomd = createrepo_c.Repomd(str(tree / "repodata/repomd.xml"))
    return tree / str(next(record.location_href for record in repomd.records if record.type == kind))


def _client(folder: Path, tree: Path) -> Client:
    text = f"[stable]\nname=stable\nbaseurl=file://{tree}\nenabled=1\ngpgcheck=0\n"
    return Client(folder, text)


def test_a_promotion_makes_an_advisory(bench: Workbench) -> None:
    """It has the promotion's number, its packages, and the changes that the version before did not tell of."""
    info = createrepo_c.UpdateInfo(str(_record(bench.state / STABLE, "updateinfo")))
    first, second = info.updates
    assert (first.id, first.type) == ("hello-stable-2", "newpackage")
    assert (second.id, second.type, second.fromstr) == ("hello-stable-4", "security", "hello")
    assert [package.filename for package in second.collections[0].packages] == ["hello-2-1.noarch.rpm"]
    assert [reference.id for reference in second.references] == ["CVE-2026-12345"]
    assert "- Fix CVE-2026-12345 & <more>" in second.description
    assert second.description.count("* 2026-06-0") == 2
    assert "Tester" in first.description


def test_dnf_lists_it(bench: Workbench, tmp_path: Path) -> None:
    """A client is told of the advisories of what it has installed, by dnf's own commands."""
    client = _client(tmp_path / "client", bench.state / STABLE)
    assert client.dnf("install", "hello-1-1")[0] == 0
    code, said = client.dnf("updateinfo", "list")
    assert code == 0, said
    assert "hello-stable-4" in said
    assert "hello-2-1.noarch" in said
    code, said = client.dnf("updateinfo", "info", "hello-stable-4")
    assert code == 0, said
    assert "CVE-2026-12345" in said


def test_an_advisory_goes_with_its_packages(bench: Workbench) -> None:
    """What was taken back is not announced any more."""
    ordered(bench, 5, Undo(project="hello", number=4))
    info = gzip.decompress(_record(bench.state / STABLE, "updateinfo").read_bytes()).decode()
    assert "hello-stable-2" in info
    assert "hello-stable-4" not in info
