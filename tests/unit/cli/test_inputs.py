"""What went into a build, on a terminal."""

import msgspec

from builder.cli.inputs import lines
from builder.model.inputs import JobInputs
from tests.support.inputs import CHROOT_INPUTS, GIT, SOURCE_INPUTS


def told(inputs: JobInputs) -> list[tuple[str, ...]]:
    """The lines for what the API would tell."""
    return list(lines(msgspec.json.decode(msgspec.json.encode(inputs))))


def test_source_job_has_commits_and_files() -> None:
    """Each with its digest and where it came from."""
    assert told(JobInputs(job="source", fence=1, source=SOURCE_INPUTS)) == [
        ("commit", "main", f"{'a' * 40} 2026-11-18T00:00:00Z", GIT),
        ("spec", "hello.spec", "1" * 64, GIT),
        ("file", "hello-1.0.tar.gz", "2" * 64, "https://example.org/hello-1.0.tar.gz"),
        ("file", "hello-fix.patch", "3" * 64, GIT),
        ("program", "rpm", "4.18.0", ""),
        ("macro", "_with_tests", "--with-tests", ""),
    ]


def test_chroot_job_has_its_whole_root() -> None:
    """The best digest there is of each package, and nothing where nothing is known."""
    assert told(JobInputs(job="fedora-43-x86_64", fence=1, chroot=CHROOT_INPUTS)) == [
        ("srpm", "hello-1.0-1.src.rpm", "4" * 64, ""),
        ("executor", "mock", "without network", ""),
        ("program", "mock", "6.7", ""),
        ("chroot", ".fc43", "5" * 64, ""),
        ("repository", "fedora", "priority 99", "https://example.org/fedora"),
        ("package", "bash-5.2-1.fc43.x86_64", "6" * 64, "fedora"),
        ("package", "gcc-2:15.1-1.fc43.x86_64", "7" * 32, ""),
    ]
