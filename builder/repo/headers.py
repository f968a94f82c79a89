"""A program of its own that reads RPM headers: `python -m builder.repo.headers`.

RPMs come from outside, so what parses them is a process with limits, one per attempt: whatever a malformed file does to
it, the repository builder goes on and knows which file it was. Paths come in as JSON on standard input; for each, in
order, one line of JSON goes out.
"""

import resource
import subprocess  # noqa: TID251 - the worker thread waits for this child, where builder.process needs the reactor
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import createrepo_c
import msgspec

from builder.errors import InvalidError
from builder.model import Value
from builder.nevra import Evr, Nevra
from builder.repo import layout
from builder.repo.index import Record

CHANGES = 10
"""How many changelog entries the metadata shows, as createrepo_c does by itself."""
MEMORY = 2 << 30
"""Bytes of address space: several times what the largest header that rpm accepts (256 MiB) needs."""
PATIENCE = 60
"""Seconds that one attempt's headers may take, besides the time to hash its files."""
SPEED = 20e6
"""Bytes per second that even a slow disk and processor hash."""


HeaderReader = Callable[[Sequence[Path]], tuple[Record, ...]]
"""Reads the headers of RPMs; `InvalidError` names the first that cannot be read."""


class Read(Value, frozen=True, kw_only=True, tag="read"):
    """A header, read."""

    record: Record


class Unreadable(Value, frozen=True, kw_only=True, tag="unreadable"):
    """This is no RPM, and why."""

    reason: str


def read(path: Path) -> Read | Unreadable:
    """What the RPM at `path` says about itself."""
    try:
        package = createrepo_c.package_from_rpm(str(path), changelog_limit=CHANGES)
        name = Nevra(package.name, Evr(int(package.epoch or 0), package.version, package.release), package.arch)
        package.location_href = layout.location(name)
        primary, filelists, other = createrepo_c.xml_dump(package)[:3]
    except (createrepo_c.CreaterepoCError, OSError, ValueError, TypeError, LookupError) as error:
        return Unreadable(reason=str(error))
    return Read(
        record=Record(
            nevra=name.text,
            sha256=package.pkgId,
            source=package.rpm_sourcerpm,
            primary=primary,
            filelists=filelists,
            other=other,
        )
    )


def read_apart(paths: Sequence[Path]) -> tuple[Record, ...]:
    """The records of these RPMs, read by a child process; `InvalidError` names the first that cannot be read."""
    command = [sys.executable, "-P", "-m", "builder.repo.headers"]
    seconds = _patience(paths)
    try:
        child = subprocess.run(  # noqa: S603 - the command is our own; the paths travel as data
            command,
            input=msgspec.json.encode([str(path) for path in paths]),
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as slow:
        raise InvalidError(f"the headers of its RPMs could not be read within {seconds} s") from slow
    return understood(paths, child)


def understood(paths: Sequence[Path], child: subprocess.CompletedProcess[bytes]) -> tuple[Record, ...]:
    """What the child said of these RPMs; `InvalidError` names the first that it could not read, or did not survive."""
    answers = [msgspec.json.decode(line, type=Read | Unreadable) for line in child.stdout.split(b"\n")[:-1]]
    for path, answer in zip(paths, answers, strict=False):
        if isinstance(answer, Unreadable):
            raise InvalidError(f"{path.name} is no RPM: {answer.reason}")
    if len(answers) < len(paths):
        raise InvalidError(f"{paths[len(answers)].name} broke the program that reads RPM headers: {_end(child)}")
    return tuple(answer.record for answer in answers if isinstance(answer, Read))


def _patience(paths: Iterable[Path]) -> int:
    """For how many seconds reading these files may take."""
    return int(PATIENCE + sum(path.stat().st_size for path in paths) / SPEED)


def _end(child: subprocess.CompletedProcess[bytes]) -> str:
    last = child.stderr.decode(errors="replace").strip().rpartition("\n")[2]
    return last or f"it ended with {child.returncode}"


def main() -> None:
    """Read the headers of the files named on standard input."""
    paths = [Path(path) for path in msgspec.json.decode(sys.stdin.buffer.read(), type=list[str])]
    seconds = _patience(paths)
    limits = {resource.RLIMIT_AS: MEMORY, resource.RLIMIT_CPU: seconds, resource.RLIMIT_CORE: 0}
    for limit, value in limits.items():
        resource.setrlimit(limit, (value, value))
    for path in paths:
        sys.stdout.buffer.write(msgspec.json.encode(read(path)) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
