"""Style release: where the files of an SRPM come from, and what is kept of them, with real downloads and rpm."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.model.attempt import AttemptState, FailureKind
from tests.support.orders import source_work
from tests.support.sources import serving
from tests.support.upstreams import carried_out, commit, repository

SPEC = """\
Name: hello
Version: 1.0
Release: 1%{?dist}
Summary: A package for a test
License: MIT
BuildArch: noarch
"""
MD5_OF_A = "0cc175b9c0f1b6a831c399e269772661"
REST = """
%description
Made for a test.

%files
"""


@pytest.fixture
def www(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder that is served, and its URL."""
    folder = tmp_path / "www"
    folder.mkdir()
    with serving(folder) as url:
        yield folder, url


def test_every_way_to_name_a_source(tmp_path: Path, www: tuple[Path, str]) -> None:
    """By URL, renamed behind `#/`, by macros, in lists, in the branch that is taken, and as a file beside the spec."""
    folder, url = www
    for name in ("plain.txt", "v1.0.txt", "patch.diff", "listed.txt"):
        (folder / name).write_text(name)
    preamble = f"""\
%global site {url}
Source0: %{{site}}/plain.txt
Source1: {url}/v%{{version}}.txt#/%{{name}}-%{{version}}.txt
%if 0
Source2: {url}/never.txt
%endif
Patch0: {url}/patch.diff
Patch1: own.diff
"""
    sections = f"%sourcelist\n{url}/listed.txt\n%description\nSource9: prose\n%patchlist\nother.diff\n"
    files = {"hello.spec": SPEC + preamble + sections + REST, "own.diff": "", "other.diff": ""}
    attempt, outcome = carried_out(tmp_path / "state", source_work(f"file://{repository(tmp_path / 'git', files)}"))
    assert outcome.state is AttemptState.SUCCEEDED, attempt.log
    assert attempt.log.count("downloading ") == 4


@pytest.mark.parametrize("kind", ["sha512", "md5"])
def test_file_that_is_known_is_downloaded_once(tmp_path: Path, www: tuple[Path, str], kind: str) -> None:
    """In both formats of `sources`; one that has been damaged meanwhile is downloaded again."""
    folder, url = www
    (folder / "a.txt").write_text("a")
    digest = hashlib.new(kind, b"a").hexdigest()
    line = f"{digest}  a.txt\n" if kind == "md5" else f"SHA512 (a.txt) = {digest}\n"
    files = {"hello.spec": f"{SPEC}Source0: {url}/a.txt\n{REST}", "sources": line}
    work = source_work(f"file://{repository(tmp_path / 'git', files)}")
    first, one = carried_out(tmp_path / "state", work)
    assert "downloading " in first.log
    (folder / "a.txt").rename(folder / "gone.txt")
    second, other = carried_out(tmp_path / "state", work)
    assert other.state is AttemptState.SUCCEEDED, second.log
    assert "downloading " not in second.log
    assert f"a.txt was downloaded before: its {kind} is {digest}" in second.log
    assert one.source
    assert other.source
    assert one.source.inputs == other.source.inputs
    (kept,) = (tmp_path / "state/cache/sources").glob("*/file")
    kept.unlink()
    kept.write_text("b")
    (folder / "gone.txt").rename(folder / "a.txt")
    third, outcome = carried_out(tmp_path / "state", work)
    assert outcome.state is AttemptState.SUCCEEDED, third.log
    assert "the a.txt that was kept is damaged" in third.log
    assert kept.read_text() == "a"


def test_what_is_not_what_sources_says_is_not_kept(tmp_path: Path, www: tuple[Path, str]) -> None:
    """Nor is a file of which it says nothing."""
    folder, url = www
    (folder / "a.txt").write_text("a")
    packaging = repository(tmp_path / "git", {"hello.spec": f"{SPEC}Source0: {url}/a.txt\n{REST}"})
    work = source_work(f"file://{packaging}")
    _, outcome = carried_out(tmp_path / "state", work)
    assert outcome.state is AttemptState.SUCCEEDED
    commit(packaging, {"sources": f"SHA256 (a.txt) = {'0' * 64}\n"})
    _, outcome = carried_out(tmp_path / "state", work)
    assert (outcome.state, outcome.kind) == (AttemptState.FAILED, FailureKind.SOURCES)
    assert f"the sha256 checksum of a.txt is {hashlib.sha256(b'a').hexdigest()}, sources says 000" in outcome.reason
    assert not (tmp_path / "state/cache/sources").exists()


def test_weak_digest_is_a_projects_own(tmp_path: Path, www: tuple[Path, str]) -> None:
    """Who can make two files of one MD5 cannot have another project build the other one."""
    folder, url = www
    (folder / "a.txt").write_text("a")
    files = {"hello.spec": f"{SPEC}Source0: {url}/a.txt\n{REST}", "sources": f"{MD5_OF_A}  a.txt\n"}
    carried_out(tmp_path / "state", source_work(f"file://{repository(tmp_path / 'git', files)}"))
    (kept,) = (tmp_path / "state/cache/sources").iterdir()
    assert kept.name.startswith("farm-md5-")


def test_included_file_is_a_source(tmp_path: Path) -> None:
    """So it is in the SRPM, where it is looked for in the chroot; by its bare name it is nowhere, and that is told."""
    files = {
        "hello.spec": f"{SPEC}Source0: common.inc\n%include %{{SOURCE0}}\n{REST}",
        "common.inc": "Vendor: Example\n",
    }
    packaging = repository(tmp_path / "git", files)
    attempt, outcome = carried_out(tmp_path / "state", source_work(f"file://{packaging}"))
    assert outcome.state is AttemptState.SUCCEEDED, attempt.log
    commit(packaging, {"hello.spec": f"{SPEC}%include common.inc\n{REST}"})
    _, outcome = carried_out(tmp_path / "state", source_work(f"file://{packaging}"))
    assert (outcome.state, outcome.kind) == (AttemptState.FAILED, FailureKind.SRPM)
    assert re.search(r"hello\.spec does not parse: .*\bcommon\.inc\b", outcome.reason)
    assert outcome.reason.endswith(
        "a file that is included is named as a source too, and included by that: `%include %{SOURCE1}`"
    )


@pytest.mark.parametrize(
    ("sources", "words"),
    [
        ("what is this\n", "line 1 of sources is no checksum: what is this"),
        (f"SHA512 (b.txt) = {'0' * 128}\n", "the file sources has no checksum of a.txt, which is downloaded from "),
    ],
)
def test_sources_that_says_too_little_is_told(tmp_path: Path, sources: str, words: str) -> None:
    """Before anything is downloaded."""
    files = {"hello.spec": f"{SPEC}Source0: http://127.0.0.1:9/a.txt\n{REST}", "sources": sources}
    _, outcome = carried_out(tmp_path / "state", source_work(f"file://{repository(tmp_path / 'git', files)}"))
    assert (outcome.state, outcome.kind) == (AttemptState.FAILED, FailureKind.SOURCES)
    assert words in outcome.reason
