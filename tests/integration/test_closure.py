"""The process that says what a promotion would break."""

import os
import signal
from pathlib import Path

import createrepo_c
import pytest

from builder.errors import ConflictError
from builder.repo import closure, metadata
from builder.repo.index import PackageRecord


def _repository(folder: Path, packages: dict[str, dict[str, list[str]]]) -> Path:
    """A repository of packages by their NEVRAs, each with what it says of itself in words such as `requires`."""
    records: list[PackageRecord] = []
    for name, words in packages.items():
        package = createrepo_c.Package()
        package.name, package.version, package.release = name.rpartition(".")[0].rsplit("-", 2)
        package.arch, package.epoch = name.rpartition(".")[2], "0"
        package.pkgId, package.checksum_type, package.location_href = f"{len(records):064x}", "sha256", f"{name}.rpm"
        package.rpm_sourcerpm = f"{name.rpartition('.')[0]}.src.rpm"
        for word in ("requires", "provides", "conflicts", "obsoletes"):
            setattr(package, word, [(one, None, None, None, None, False) for one in words.get(word, [])])
        package.files = [
            ("", f"{path.rpartition('/')[0]}/", path.rpartition("/")[2]) for path in words.get("files", [])
        ]
        primary, filelists, other = createrepo_c.xml_dump(package)[:3]
        texts = {"primary": primary, "filelists": filelists, "other": other}
        records.append(PackageRecord(nevra=name, sha256=package.pkgId, source=package.rpm_sourcerpm, **texts))
    (folder / "repodata").mkdir(parents=True)
    metadata.write(folder / "repodata", records, len(records), 1_800_000_000.0)
    return folder


def _found(
    tmp_path: Path, target: dict[str, dict[str, list[str]]], source: dict[str, dict[str, list[str]]]
) -> list[str]:
    """What is told when all of `source` comes into `target`."""
    there, here = _repository(tmp_path / "target", target), _repository(tmp_path / "source", source)
    return [f"{one.kind.value} {one.subject}" for one in closure.broken_apart([there], [here], set(source))]


def test_an_obsoleted_package_is_none_that_a_client_uses(tmp_path: Path) -> None:
    """What only it provides disappears, though it is listed still."""
    target = {"old-1-1.noarch": {"provides": ["old", "feature"]}, "user-1-1.noarch": {"requires": ["feature"]}}
    source = {"new-1-1.noarch": {"provides": ["new"], "obsoletes": ["old"]}}
    assert _found(tmp_path, target, source) == ["uninstallable user-1-1.noarch", "disappears feature", "disappears old"]


def test_a_file_is_a_requirement_like_any_other(tmp_path: Path) -> None:
    """A package that needs a file of a package that moves it is told."""
    target = {
        "tool-1-1.noarch": {"provides": ["tool"], "files": ["/opt/tool"]},
        "user-1-1.noarch": {"requires": ["/opt/tool"]},
    }
    source = {"tool-2-1.noarch": {"provides": ["tool"], "files": ["/opt/other"]}}
    assert _found(tmp_path, target, source) == ["uninstallable user-1-1.noarch"]


def test_a_newer_version_has_no_conflict_with_its_older_one(tmp_path: Path) -> None:
    """It takes its place, also when it has another architecture."""
    target = {"tool-1-1.noarch": {"provides": ["tool"], "files": ["/opt/tool"]}}
    source = {"tool-2-1.x86_64": {"provides": ["tool"], "files": ["/opt/tool"]}}
    assert _found(tmp_path, target, source) == []


def test_what_cannot_be_found_out_refuses_the_promotion(tmp_path: Path) -> None:
    """Metadata that cannot be read ends the process, and the sentence says so."""
    here = _repository(tmp_path / "source", {"tool-1-1.noarch": {}})
    for file in (here / "repodata").glob("*primary*"):
        file.write_bytes(b"no metadata")
    with pytest.raises(
        ConflictError, match=r"what it would break cannot be found out: .*primary.* cannot be read by libsolv"
    ):
        closure.broken_apart([], [here], {"tool-1-1.noarch"})


def test_a_process_that_dies_refuses_the_promotion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever packages make of libsolv, the repository builder lives and says what happened."""
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nkill -SEGV $$\n")
    program.chmod(0o755)
    monkeypatch.setattr("sys.executable", os.fspath(program))
    with pytest.raises(ConflictError, match=f"libsolv's process ended: {signal.strsignal(signal.SIGSEGV)}"):
        closure.broken_apart([], [tmp_path], {"tool-1-1.noarch"})
