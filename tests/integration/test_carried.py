"""What repositories carry beside packages is read by those who use it."""

import gzip
import re
from pathlib import Path
from typing import Any

import createrepo_c
import msgspec
import pytest

from builder.model.operation import CarriedKind, Carry, Promote, Rollback, Undo
from builder.model.project import Retention
from builder.wire import Applied, Rejected
from tests.support import dnf, zypper
from tests.support.histories import ordered, published
from tests.support.repositories import Workbench, names
from tests.support.rpms import rpms

STABLE = "repos/hello/stable/fedora-43/x86_64"
FIX = """* Wed Jun 03 2026 Fixer <fixer@example.org> - 2-1
- Fix CVE-2026-12345 & <more>
"""

COMPS = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE comps PUBLIC "-//Red Hat, Inc.//DTD Comps info//EN" "comps.dtd">
<comps>
  <group>
    <id>greeters</id><name>Greeters</name><description>Who say hello</description>
    <default>true</default><uservisible>true</uservisible>
    <packagelist><packagereq type="mandatory">hello</packagereq></packagelist>
  </group>
</comps>
"""
CATALOG = '<components version="0.14" origin="hello"><component><id>org.example.hello</id></component></components>'


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


def _repository(tree: Path) -> str:
    return f"[stable]\nname=stable\nbaseurl=file://{tree}\nenabled=1\ngpgcheck=0\n"


def _client(folder: Path, tree: Path) -> dnf.Client:
    return dnf.Client(folder, _repository(tree))


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


def test_zypper_lists_it(bench: Workbench, tmp_path: Path) -> None:
    """To zypper an advisory is a patch, which conflicts with what is older."""
    client = zypper.Client(tmp_path / "client", _repository(bench.state / STABLE))
    assert client.zypper("install", "hello-1")[0] == 0
    code, said = client.zypper("list-patches")
    assert code == 0, said
    assert re.search(r"^stable +\| hello-stable-4 +\| security .*\| needed ", said, re.MULTILINE), said
    code, said = client.zypper("info", "--type", "patch", "hello-stable-4")
    assert "Conflicts   : hello < 2-1\n" in said


def test_an_advisory_goes_with_its_packages(bench: Workbench) -> None:
    """What was taken back is not announced any more."""
    ordered(bench, 5, Undo(project="hello", number=4))
    info = gzip.decompress(_record(bench.state / STABLE, "updateinfo").read_bytes()).decode()
    assert "hello-stable-2" in info
    assert "hello-stable-4" not in info


def _carry(kind: CarriedKind, text: str, **changes: Any) -> Carry:
    packed = gzip.compress(text.encode(), mtime=0) if text else b""
    order = {"project": "hello", "stage": "stable", "distribution": "fedora-43", "kind": kind, "packed": packed}
    return Carry(**{**order, **changes})


def test_dnf_lists_and_installs_groups(bench: Workbench, tmp_path: Path) -> None:
    """A group of comps comes to the clients, stays through later generations, and goes when it is taken away."""
    answer = ordered(bench, 5, _carry(CarriedKind.GROUP, COMPS))
    assert isinstance(answer, Applied), answer
    assert [made.repository for made in answer.generations] == ["hello/stable/fedora-43/x86_64"]
    assert ordered(bench, 5, _carry(CarriedKind.GROUP, COMPS)) == answer
    ordered(bench, 6, Undo(project="hello", number=4))
    client = _client(tmp_path / "client", bench.state / STABLE)
    code, said = client.dnf("group", "list")
    assert code == 0, said
    assert "Greeters" in said
    assert client.dnf("group", "install", "greeters")[0] == 0
    assert client.installed() == ["hello-1-1"]
    ordered(bench, 7, _carry(CarriedKind.GROUP, ""))
    assert "Greeters" not in client.dnf("--refresh", "group", "list", "--available")[1]


def test_a_catalog_of_appstream_is_carried(bench: Workbench) -> None:
    """The file is in the metadata as it was given, with its digests in repomd.xml."""
    ordered(bench, 5, _carry(CarriedKind.APPSTREAM, CATALOG))
    assert gzip.decompress(_record(bench.state / STABLE, "appstream").read_bytes()).decode() == CATALOG
    assert names(bench.state / STABLE) == ["hello-1-1.noarch", "hello-2-1.noarch"]


def _carried(bench: Workbench) -> dict[str, str]:
    """What the stage's newest generation carries beside packages and advisories, by kind."""
    repomd = createrepo_c.Repomd(str(bench.state / STABLE / "repodata/repomd.xml"))
    places = {record.type: bench.state / STABLE / record.location_href for record in repomd.records}
    unpacked = {"group": Path.read_text, "appstream": lambda path: gzip.decompress(path.read_bytes()).decode()}
    return {kind: unpack(places[kind]) for kind, unpack in unpacked.items() if kind in places}


def test_a_rollback_brings_back_what_was_carried(bench: Workbench) -> None:
    """A generation comes back with the files that it had, even where the packages are the same."""
    other = COMPS.replace("Greeters", "Others")
    for number, order in enumerate((_carry(CarriedKind.GROUP, COMPS), _carry(CarriedKind.GROUP, other)), start=5):
        ordered(bench, number, order)
    ordered(bench, 7, _carry(CarriedKind.APPSTREAM, CATALOG))
    back = Rollback(project="hello", repository="hello/stable/fedora-43/x86_64", generation=3)
    answer = ordered(bench, 8, back)
    assert isinstance(answer, Applied), answer
    assert _carried(bench) == {"group": COMPS}
    assert ordered(bench, 8, back) == answer
    assert isinstance(ordered(bench, 9, back), Rejected)
    ordered(bench, 10, msgspec.structs.replace(back, generation=1))
    assert _carried(bench) == {}
    assert names(bench.state / STABLE) == ["hello-1-1.noarch"]


def test_an_undo_takes_back_what_was_carried(bench: Workbench) -> None:
    """What an operation put there goes, and what it had superseded is there again; no other file is touched."""
    other = COMPS.replace("Greeters", "Others")
    ordered(bench, 5, _carry(CarriedKind.GROUP, COMPS))
    ordered(bench, 6, _carry(CarriedKind.APPSTREAM, CATALOG))
    ordered(bench, 7, _carry(CarriedKind.GROUP, other))
    superseded = ordered(bench, 8, Undo(project="hello", number=5))
    assert isinstance(superseded, Rejected)
    assert superseded.reason == "nothing that operation 5 brought is there any more"
    answer = ordered(bench, 9, Undo(project="hello", number=7))
    assert isinstance(answer, Applied), answer
    assert _carried(bench) == {"group": COMPS, "appstream": CATALOG}
    assert ordered(bench, 9, Undo(project="hello", number=7)) == answer
    ordered(bench, 10, Undo(project="hello", number=5))
    assert _carried(bench) == {"appstream": CATALOG}
    ordered(bench, 11, _carry(CarriedKind.APPSTREAM, ""))
    ordered(bench, 12, Undo(project="hello", number=11))
    assert _carried(bench) == {"appstream": CATALOG}
    ordered(bench, 13, _carry(CarriedKind.APPSTREAM, CATALOG))
    assert isinstance(ordered(bench, 14, Undo(project="hello", number=6)), Rejected)
    assert _carried(bench) == {"appstream": CATALOG}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"packed": b"<comps/>"}, "the file is not packed with gzip"),
        ({"packed": gzip.compress(b"<comps>")}, "the file is no XML: "),
        ({"packed": gzip.compress(b"<comps/>")[:-1]}, "the file is packed with gzip, but is not whole"),
        ({"packed": gzip.compress(b"<comps/>") + b"more"}, "the file is packed with gzip, and something follows"),
        ({"packed": gzip.compress(b"<comps/>") * 2}, "the file is packed with gzip, and something follows"),
        ({"packed": gzip.compress(b"<html/>")}, "the file begins with <html>, and has to with <comps>"),
        ({"packed": gzip.compress(b'<!DOCTYPE c [<!ENTITY a "b">]><comps/>')}, "the file declares the entity a"),
        ({"packed": gzip.compress(b" " * (9 << 20))}, "the file has more than 8388608 bytes"),
        ({"packed": gzip.compress(b"\xff")}, "the file is not packed with gzip, or no text in UTF-8"),
        ({"distribution": "fedora-44"}, "hello has no repositories of fedora-44 in stable"),
    ],
)
def test_what_is_no_such_file_is_refused(bench: Workbench, changes: dict[str, Any], sentence: str) -> None:
    """One sentence says what is wrong, and nothing changes."""
    answer = ordered(bench, 5, _carry(CarriedKind.GROUP, COMPS, **changes))
    assert isinstance(answer, Rejected)
    assert answer.reason.startswith(sentence)
