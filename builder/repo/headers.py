"""A program of its own that reads RPM headers: `python -m builder.repo.headers`.

RPMs come from outside, so what parses them is a process with limits, one per attempt: whatever a malformed file does to
it, the repository builder goes on and knows which file it was. A `HeaderRequest` comes in as JSON on standard input.
The records go into files, so that neither side has more than one of them in memory; on standard output the program says
that it is ready, and then, file by file, what it found.

A file is to blame only for what it does to a program that was ready: it is no RPM, is too large, or ends it in a way in
which no other program ends it. All else (a program that does not start, is killed, finds the disk full, has no time)
is the farm's fault, and the same files are read again later.
"""

import ctypes
import errno
import resource
import signal
import subprocess  # noqa: TID251 - the worker thread waits for this child, where builder.process needs the reactor
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import createrepo_c
import msgspec

from builder.errors import InvalidError, UnavailableError
from builder.model import Value
from builder.nevra import Evr, Nevra
from builder.repo import card, index, layout, tags
from builder.repo.card import Card
from builder.repo.description import describe
from builder.repo.index import PackageRecord
from builder.repo.promise import Promise

CHANGES = 10
"""Number of changelog entries in the metadata, as createrepo_c has it by itself."""
MEMORY = 2 << 30
"""Bytes of address space: several times what the largest header that rpm accepts (256 MiB) needs."""
LARGEST = 64 << 20
"""Bytes of the largest file that the program writes: of the largest record, while common ones have thousands."""
PATIENCE = 60
"""Seconds of processor time that one attempt's headers may take, besides the time to hash its files."""
SPEED = 20e6
"""Bytes per second that even a slow disk and processor hash."""
LOADED = 5
"""Factor by which reading may take longer on a host that has other things to do."""
_ANSWERS = 1 << 20
"""Bytes of the answers that are read at most: those for 5,000 files need a tenth."""
_REASON = 1000
"""Most characters of a reason."""
_OWN_DEATHS = {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGABRT, signal.SIGTRAP, signal.SIGXCPU}
"""Signals by which a file can end the program that reads it; glib ends by SIGTRAP when it gets no memory."""
_PR_SET_PDEATHSIG = 1
"""prctl(2): the signal that comes when the parent dies."""

HeaderReader = Callable[[Sequence[Path], Path], None]
"""A function that reads the headers of RPMs into an empty folder, as `read_apart` does."""


class HeaderRequest(Value, frozen=True, kw_only=True):
    """The files to read, and the folder for their records."""

    files: tuple[str, ...]
    folder: str


class Ready(Value, frozen=True, kw_only=True, tag="ready"):
    """The message that the limits are set: from now on, a death is the files' doing."""


class Read(Value, frozen=True, kw_only=True, tag="read"):
    """The message that the record of the next file is there."""


class Unreadable(Value, frozen=True, kw_only=True, tag="unreadable"):
    """The message that the next file, the last one looked at, is no RPM that can be published, and why."""

    reason: str


def record_path(folder: Path, number: int) -> Path:
    """Return the place of the record of the file with this number, counted from 0; its card is beside it."""
    return folder / f"{number}{index.SUFFIX}"


def read(path: Path) -> PackageRecord:
    """Return the record of the RPM at `path`; `InvalidError` if it is none, OSError if it cannot be opened."""
    path.open("rb").close()
    try:
        package = createrepo_c.package_from_rpm(str(path), changelog_limit=CHANGES)
        texts = tags.verified(path)
        name = Nevra(package.name, Evr(int(package.epoch or 0), package.version, package.release), package.arch)
        package.location_href = layout.location(name)
        primary, filelists, other = createrepo_c.xml_dump(package)[:3]
        return PackageRecord(
            nevra=name.text,
            sha256=package.pkgId,
            source=package.rpm_sourcerpm,
            promise=_promise(package, texts) if package.rpm_sourcerpm is None else None,
            primary=primary,
            filelists=filelists,
            other=other,
        )
    except (createrepo_c.CreaterepoCError, OSError, ValueError, TypeError, LookupError) as error:
        raise InvalidError(str(error)) from error
    except MemoryError as error:
        raise InvalidError("its header needs more memory than the header of any package does") from error


def _promise(package: createrepo_c.Package, texts: tags.Texts) -> Promise:
    """Return the promise of a source package: which packages may be built from it."""
    provided = (
        f"{name}-{Evr(int(epoch or 0), version, release).text}"
        for name, flag, epoch, version, release, _ in package.provides
        if flag == "EQ" and version and release
    )
    return Promise(
        packages=tuple(provided),
        only=texts.get(tags.EXCLUSIVE_ARCH, ()),
        never=texts.get(tags.EXCLUDE_ARCH, ()),
        built_as=texts.get(tags.BUILD_ARCHS, ()),
    )


def described(record: PackageRecord) -> Card:
    """Return the card of a package; an empty one, if its words are no XML or too many."""
    try:
        words = describe(record)
    except (UnavailableError, MemoryError):
        return card.make("", ())
    return card.make(words.summary, ((change.author, change.date, change.text) for change in words.changes))


def look(path: Path, place: Path) -> Read | Unreadable:
    """Read one file, and write its record to `place` and its card beside it."""
    try:
        record = read(path)
        index.write(record, place)
        card.write(described(record), place.with_suffix(card.SUFFIX))
    except InvalidError as error:
        return Unreadable(reason=str(error)[:_REASON])
    except OSError as error:
        if error.errno != errno.EFBIG:
            raise
        return Unreadable(reason=f"its metadata has more than {LARGEST} bytes")
    return Read()


def read_apart(paths: Sequence[Path], folder: Path) -> None:
    """Have a child process read the headers of these RPMs, and write their records into the empty folder `folder`.

    Raises:
        InvalidError: One of the files is at fault, and which.
        UnavailableError: The headers could not be read, and no file is at fault; later they may be.
        OSError: The disk is full, or no process can be started.
    """
    command = [sys.executable, "-P", "-m", "builder.repo.headers"]
    request = HeaderRequest(files=tuple(str(path) for path in paths), folder=str(folder))
    seconds = LOADED * _patience(paths)
    answers, errors = folder / "answers", folder / "errors"
    with answers.open("wb") as output, errors.open("wb") as complaints:
        try:
            child = subprocess.run(  # noqa: S603 - the command is our own; the paths travel as data
                command,
                input=msgspec.json.encode(request),
                stdout=output,
                stderr=complaints,
                timeout=seconds,
                check=False,
                start_new_session=True,  # who stops this process means this process
            )
        except subprocess.TimeoutExpired as slow:
            raise UnavailableError(f"the headers of {paths[0].name} and others took more than {seconds} s") from slow
    judge(paths, child.returncode, _beginning(answers), _last_line(errors))


def judge(paths: Sequence[Path], code: int, answers: bytes, complaint: str) -> None:
    """Raise the error that the child's end means, if it has not read all files; see `read_apart`."""
    said = [msgspec.json.decode(line, type=Ready | Read | Unreadable) for line in answers.split(b"\n")[:-1]]
    known = sum(isinstance(answer, Read) for answer in said)
    if said and isinstance(said[-1], Unreadable):
        raise InvalidError(f"{paths[known].name} is no RPM: {said[-1].reason}")
    if known == len(paths):
        return
    if said and -code in _OWN_DEATHS:
        raise InvalidError(f"{paths[known].name} ended the program that reads RPM headers: {signal.strsignal(-code)}")
    end = complaint or (f"it ended with {code}" if code >= 0 else f"ended from outside: {signal.strsignal(-code)}")
    raise UnavailableError(f"the program that reads RPM headers failed: {end}")


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_ANSWERS)


def _last_line(path: Path) -> str:
    return _beginning(path).decode(errors="replace").strip().rpartition("\n")[2][:_REASON]


def _patience(paths: Iterable[Path]) -> int:
    """Return the seconds of processor time that reading these files may take."""
    return int(PATIENCE + sum(path.stat().st_size for path in paths) / SPEED)


def confine(seconds: int) -> None:
    """Limit this process, and have it end with its parent, however the parent ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    for limit, value in {resource.RLIMIT_AS: MEMORY, resource.RLIMIT_FSIZE: LARGEST, resource.RLIMIT_CORE: 0}.items():
        resource.setrlimit(limit, (value, value))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))  # SIGXCPU at the first, SIGKILL at the second


def main() -> None:
    """Carry out the request on standard input."""
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=HeaderRequest)
    paths = [Path(file) for file in request.files]
    confine(_patience(paths))
    _say(Ready())
    for number, path in enumerate(paths):
        answer = look(path, record_path(Path(request.folder), number))
        _say(answer)
        if isinstance(answer, Unreadable):
            break


def _say(answer: Ready | Read | Unreadable) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
