"""RPM headers, read by a process of their own."""

import os
import subprocess
from pathlib import Path

import msgspec
import pytest

from builder.errors import InvalidError
from builder.repo import headers
from tests.support.rpms import artifact_of, rpms


def test_headers_come_in_order() -> None:
    """Each file's header says what rpm says of it; a source package has no source of its own."""
    paths = rpms("hello", epoch=3, subpackages=("data",))
    records = headers.read_apart(paths)
    assert [record.nevra for record in records] == [artifact_of(path).nevra for path in paths]
    assert [record.sha256 for record in records] == [artifact_of(path).sha256 for path in paths]
    assert [record.source for record in records] == ["hello-1.0-1.src.rpm", "hello-1.0-1.src.rpm", None]


def test_the_first_bad_file_is_named(tmp_path: Path) -> None:
    """Of several files the one that is no RPM is named."""
    bad = tmp_path / "bad.rpm"
    bad.write_bytes(b"text")
    with pytest.raises(InvalidError, match=r"^bad\.rpm is no RPM: "):
        headers.read_apart([*rpms("hello"), bad])


def test_a_child_that_dies_is_understood() -> None:
    """A header that kills the process that reads it is named by what was not answered any more."""
    (binary, source) = rpms("hello")
    line = msgspec.json.encode(headers.read(binary)) + b"\n"
    killed = subprocess.CompletedProcess([], -11, stdout=line, stderr=b"")
    with pytest.raises(
        InvalidError, match=rf"{source.name} broke the program that reads RPM headers: it ended with -11"
    ):
        headers.understood((binary, source), killed)
    failed = subprocess.CompletedProcess([], 1, stdout=b"", stderr=b"Traceback:\nMemoryError\n")
    with pytest.raises(InvalidError, match=rf"{binary.name} broke .*: MemoryError"):
        headers.understood((binary, source), failed)


def test_a_child_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A header on which the reading process hangs costs the time it may take, and no more."""
    monkeypatch.setattr(headers, "PATIENCE", 1)
    os.mkfifo(tmp_path / "hanging.rpm")
    with pytest.raises(InvalidError, match="could not be read within 1 s"):
        headers.read_apart([tmp_path / "hanging.rpm"])
