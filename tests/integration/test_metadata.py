"""The metadata, read by those it is for."""

import gzip
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import createrepo_c
import msgspec
import pytest

from builder.errors import UnavailableError
from builder.model.operation import NumberedOperation, Prepare
from builder.repo import metadata
from builder.repo.manifest import Manifest
from tests.support.disk import no_file_larger_than
from tests.support.repositories import Workbench, names, packages
from tests.support.rpms import deliver, order_of, rpms

TREE = "repos/hello/testing/fedora-43/x86_64"


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of several packages with epochs, requirements, subpackages, two versions and an odd name."""
    folder = tmp_path_factory.mktemp("state")
    bench = Workbench(folder)
    builds = [
        rpms("hello", "1.0", arch="x86_64", requires=("hellolib >= 1.0", "/bin/sh"), subpackages=("devel", "doc")),
        rpms("hello", "1.1~rc1", arch="x86_64"),
        rpms("Libodd++", "2^git1", "3.fc43", epoch=2),
    ]
    for number, files in enumerate(builds, start=1):
        order = order_of(number, srpm=files[-1].name)
        deliver(folder, order, files)
        bench.operations.carry_out([NumberedOperation(number=number, operation=order)])
    return folder


@pytest.mark.parametrize("tree", [TREE, "repos/hello/testing/fedora-43/source"])
def test_it_says_what_createrepo_c_says(state: Path, tmp_path: Path, tree: str) -> None:
    """Field by field, the metadata equals what a plain run of createrepo_c says over the same files."""
    shutil.copytree(state / tree / "Packages", tmp_path / "Packages")
    command = [str(Path(sys.executable).with_name("createrepo_c")), "--quiet", str(tmp_path)]
    subprocess.run(command, check=True, timeout=60, capture_output=True)
    ours, theirs = packages(state / tree), packages(tmp_path)
    assert len(ours) > 0
    assert {name: _fields(package) for name, package in ours.items()} == {
        name: _fields(package) for name, package in theirs.items()
    }


def _fields(package: createrepo_c.Package) -> dict[str, Any]:
    names = [name for name in dir(package) if not name.startswith("_")]
    return {name: value for name in names if not callable(value := getattr(package, name))}


def test_repomd_is_complete(state: Path) -> None:
    """repomd.xml names the three files with digests and sizes, packed and unpacked, and the time of the generation."""
    repomd = createrepo_c.Repomd(str(state / TREE / "repodata/repomd.xml"))
    assert repomd.revision == "1800000000"
    assert [record.type for record in repomd.records] == ["primary", "filelists", "other"]
    for record in repomd.records:
        assert record.location_href == f"repodata/{record.checksum}-{record.type}.xml.gz"
        assert (record.checksum_type, record.checksum_open_type) == ("sha256", "sha256")
        assert record.size > 0
        assert record.size_open > record.size // 2
        assert record.timestamp == 1_800_000_000


def test_the_same_packages_make_the_same_bytes(state: Path, tmp_path: Path) -> None:
    """Metadata depends on packages and time alone: made twice, it is the same to the last byte."""
    pool = Workbench(state).operations._pool
    digests = sorted(package.pkgId for package in packages(state / TREE).values())
    made = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        metadata.write(folder, pool.records(digests), len(digests), 1234.5)
        made.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert made[0] == made[1]


def test_damage_is_noticed(state: Path, tmp_path: Path) -> None:
    """Metadata that was cut, is missing or counts wrong is not let through."""
    repodata = tmp_path / "repodata"
    shutil.copytree(state / TREE / "repodata", repodata)
    digests = _digests(state)
    assert metadata.faults(repodata, digests) == []
    assert "primary lists" in metadata.faults(repodata, digests[::-1])[0]
    (primary,) = repodata.glob("*-primary.xml.gz")
    primary.write_bytes(primary.read_bytes()[:-1])
    assert metadata.faults(repodata, digests) == [f"{primary.name} is not what repomd.xml says"]
    primary.unlink()
    assert metadata.faults(repodata, digests) == [f"{primary.name} is not what repomd.xml says"]


def _digests(state: Path) -> list[str]:
    """Those of the packages, in the order of the manifest."""
    manifest = msgspec.json.decode((state / TREE / "generations/3/manifest.json").read_bytes(), type=Manifest)
    return [package.sha256 for package in manifest.packages]


def test_what_was_never_written_is_noticed(tmp_path: Path) -> None:
    """It is what a client would read that is looked at: packages that are counted, but missing, do not pass."""
    repodata = tmp_path / "repodata"
    repodata.mkdir()
    metadata.write(repodata, iter(()), 2, 1.0)
    assert [fault.partition(" ")[2] for fault in metadata.faults(repodata, ["a" * 64, "b" * 64])] == [
        "lists 0 packages, and not the 2 that it should"
    ] * 3
    assert "counts [2] packages instead of 0" in metadata.faults(repodata, [])[0]


def test_other_content_is_noticed(state: Path, tmp_path: Path) -> None:
    """A file that is whole, but has not the content of which repomd.xml has the digest, is not let through."""
    repodata = tmp_path / "repodata"
    shutil.copytree(state / TREE / "repodata", repodata)
    (other,) = repodata.glob("*-other.xml.gz")
    changed = gzip.compress(gzip.decompress(other.read_bytes()).replace(b"Made for a test", b"Made for a jest"))
    repomd = repodata / "repomd.xml"
    for was, is_now in (
        (hashlib.sha256(other.read_bytes()).hexdigest(), hashlib.sha256(changed).hexdigest()),
        (f"<size>{other.stat().st_size}<", f"<size>{len(changed)}<"),
    ):
        repomd.write_text(repomd.read_text().replace(was, is_now))
    other.unlink()
    (repodata / f"{hashlib.sha256(changed).hexdigest()}-other.xml.gz").write_bytes(changed)
    assert metadata.faults(repodata, _digests(state)) == ["other has not the content that repomd.xml says"]


def test_a_full_disk_is_the_farm_s_fault(tmp_path: Path) -> None:
    """Metadata for which there is no room is an error with a sentence, and the old generation stays."""
    bench = Workbench(tmp_path)
    for number, count in ((1, 1000), (2, 1)):
        deliver(tmp_path, order_of(number), rpms("hello", str(number), count=count))
    bench.operations.carry_out([NumberedOperation(number=1, operation=order_of(1))])
    order = NumberedOperation(number=2, operation=order_of(2))
    with no_file_larger_than(2200), pytest.raises(UnavailableError, match="the metadata cannot be written to"):
        bench.operations.carry_out([order])
    assert names(tmp_path / TREE) == ["hello-1-1.noarch"]
    bench.operations.carry_out([order])
    assert names(tmp_path / TREE) == ["hello-1-1.noarch", "hello-2-1.noarch"]


def test_a_damaged_pool_stops_the_next_generation(tmp_path: Path) -> None:
    """Nothing becomes current that lacks a file: the operation fails without an answer and the old generation stays."""
    bench = Workbench(tmp_path)
    for number in (1, 2):
        deliver(tmp_path, order_of(number), rpms("hello", str(number)))
    bench.operations.carry_out([NumberedOperation(number=1, operation=order_of(1))])
    for rpm in (*tmp_path.glob(f"{TREE}/Packages/h/*.rpm"), *tmp_path.glob("pool/*/*.rpm")):
        rpm.unlink()
    with pytest.raises(FileNotFoundError):
        bench.operations.carry_out([NumberedOperation(number=2, operation=order_of(2))])
    assert (tmp_path / TREE / "repodata").readlink() == Path("generations/1/repodata")
    assert (tmp_path / "incoming/2/fedora-43-x86_64/1/listing.json").exists()


def _dnf(folder: Path, url: str, *arguments: str) -> list[str]:
    """What dnf answers that knows nothing but the repository at `url`."""
    (folder / "log").mkdir(parents=True, exist_ok=True)
    command = [
        "dnf",
        "--quiet",
        "--setopt=plugins=0",
        "--setopt=reposdir=/dev/null",
        f"--setopt=cachedir={folder}/cache",
        f"--setopt=persistdir={folder}/persist",
        f"--setopt=logdir={folder}/log",
        f"--installroot={folder}/root",
        "--releasever=43",
        "--forcearch=x86_64",
        f"--repofrompath=farm,{url}",
        "--repo=farm",
        *arguments,
    ]
    environment = {**os.environ, "HOME": str(folder), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("place", ["", "/generations/3"])
def test_dnf_reads_it(state: Path, tmp_path: Path, place: str) -> None:
    """Real dnf lists the packages with the right requirements, at the plain address and at a generation's."""
    url = f"file://{state}/{TREE}{place}"
    assert _dnf(tmp_path, url, "repoquery", "--queryformat=%{name}-%{epoch}:%{evr}.%{arch}") == sorted(
        [
            "Libodd++-2:2:2^git1-3.fc43.noarch",
            "hello-0:1.0-1.x86_64",
            "hello-0:1.1~rc1-1.x86_64",
            "hello-devel-0:1.0-1.x86_64",
            "hello-doc-0:1.0-1.x86_64",
        ]
    )
    assert _dnf(tmp_path, url, "repoquery", "--requires", "hello-1.0") == ["/bin/sh", "hellolib >= 1.0"]
    assert _dnf(tmp_path, url, "repoquery", "--file", "/usr/share/hello/hello-doc/1", "--queryformat=%{name}") == [
        "hello-doc"
    ]


def test_dnf_reads_an_empty_repository(tmp_path: Path) -> None:
    """A repository that was only prepared is no error for dnf."""
    order = Prepare(project="hello", stages=("testing",), chroots=("fedora-43-x86_64",))
    Workbench(tmp_path / "state").operations.carry_out([NumberedOperation(number=1, operation=order)])
    for tree in ("x86_64", "source", "debug/x86_64"):
        folder = tmp_path / "state/repos/hello/testing/fedora-43" / tree
        assert names(folder) == []
        assert _dnf(tmp_path / "dnf", f"file://{folder}", "repoquery") == []


def test_dnf_downloads_what_was_built(state: Path, tmp_path: Path) -> None:
    """The file that dnf fetches is the file that was delivered, and rpm finds its digests right."""
    url = f"file://{state}/{TREE}"
    _dnf(tmp_path, url, "install", "-y", "--nogpgcheck", "--downloadonly", f"--downloaddir={tmp_path}", "hello-doc")
    (file,) = tmp_path.glob("*.rpm")
    check = subprocess.run(["rpm", "-K", file], capture_output=True, text=True, timeout=60, check=False)
    assert check.returncode == 0, check.stdout
    assert "digests OK" in check.stdout
