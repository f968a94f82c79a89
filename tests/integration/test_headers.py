"""RPM headers, read by a process of their own."""

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.errors import InvalidError, UnavailableError
from builder.repo import card, headers, index
from tests.support.disk import no_file_larger_than
from tests.support.processes import eventually
from tests.support.rpms import artifact_of, rpms

READY = b'{"type":"ready"}\n'
READ = b'{"type":"read"}\n'


def test_headers_come_in_order(tmp_path: Path) -> None:
    """Each file's header says what rpm says of it; a source package has no source of its own."""
    paths = rpms("hello", epoch=3, subpackages=("data",))
    headers.read_apart(paths, tmp_path)
    records = [index.load(headers.record_path(tmp_path, number)) for number in range(len(paths))]
    assert [record.nevra for record in records] == [artifact_of(path).nevra for path in paths]
    assert [record.sha256 for record in records] == [artifact_of(path).sha256 for path in paths]
    assert [record.source for record in records] == ["hello-1.0-1.src.rpm", "hello-1.0-1.src.rpm", None]


def test_a_card_is_beside_each_record(tmp_path: Path) -> None:
    """It tells what rpm says, the newest change first, in the letters that were meant; a huge text is cut."""
    changes = (
        "* Fri Jun 05 2026 Ren\udce9 <r@example.org> - 2-2\n- na\udcefve\n"
        f"* Thu Jun 04 2026 Long <l@example.org> - 2-1\n- {'x' * 1_000_000}\n"
        "* Wed Jun 03 2026 Odd <o@example.org> - 1.9-1\n- \u202egpj.exe <script>alert(1)</script>"
    )
    latin = ("%global _invalid_encoding_terminates_build 0",)
    headers.read_apart(rpms("hello", "2", head=latin, changes=changes), tmp_path)
    told = card.load(headers.record_path(tmp_path, 0).with_suffix(card.SUFFIX))
    assert told.summary == "A package for tests"
    assert [entry.author.partition(" ")[0] for entry in told.changes] == ["René", "Long", "Odd"]
    assert told.changes[0].text == "- naïve"
    assert len(told.changes[1].text) == 4000
    assert told.changes[2].text == "- \N{REPLACEMENT CHARACTER}gpj.exe <script>alert(1)</script>"
    source = card.load(headers.record_path(tmp_path, 1).with_suffix(card.SUFFIX))
    assert source == told


def test_the_first_bad_file_is_named(tmp_path: Path) -> None:
    """Of several files the one that is no RPM is named."""
    bad = tmp_path / "bad.rpm"
    bad.write_bytes(b"text")
    with pytest.raises(InvalidError, match=r"^bad\.rpm is no RPM: "):
        headers.read_apart([*rpms("hello"), bad, *rpms("other")], tmp_path)


def test_a_file_that_cannot_be_opened_is_not_to_blame(tmp_path: Path) -> None:
    """What the farm cannot read now it may read later, and says why it cannot."""
    loop = tmp_path / "hello.rpm"
    loop.symlink_to(loop)
    with pytest.raises(OSError, match=loop.name) as caught:
        headers.look(loop, tmp_path / "record")
    assert caught.value.errno == errno.ELOOP


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGTRAP, signal.SIGXCPU])
def test_a_file_that_ends_the_child_is_to_blame(number: signal.Signals) -> None:
    """A header that breaks the process that reads it is named: it is the first that was not answered any more."""
    (binary, source) = rpms("hello")
    with pytest.raises(InvalidError, match=rf"^{source.name} ended the program that reads RPM headers: "):
        headers.judge((binary, source), -number, READY + READ, "")


@pytest.mark.parametrize(
    ("code", "answers"),
    [
        (-signal.SIGTERM, READY + READ),
        (-signal.SIGKILL, READY + READ),
        (-signal.SIGSEGV, b""),
        (1, b""),
        (1, READY + READ),
        (0, b""),
    ],
    ids=["stopped", "killed, by the kernel for want of memory", "it never began", "no import", "full disk", "silence"],
)
def test_no_file_is_to_blame(code: int, answers: bytes) -> None:
    """However else the child ends, it is the farm's fault, and nothing that was delivered is refused for it."""
    with pytest.raises(UnavailableError, match="the program that reads RPM headers failed: OSError: no space"):
        headers.judge(rpms("hello"), code, answers, "OSError: no space")


def test_a_record_that_is_too_large_is_refused(tmp_path: Path) -> None:
    """A header that would make too much metadata is the file's fault; a disk that is full is not."""
    with no_file_larger_than(500):
        answer = headers.look(rpms("hello")[0], tmp_path / "record")
    assert isinstance(answer, headers.Unreadable)
    assert "bytes" in answer.reason
    with pytest.raises(OSError) as caught:  # noqa: PT011 - its number says which
        headers.look(rpms("hello")[0], Path("/dev/full"))
    assert caught.value.errno == errno.ENOSPC


class Child:
    """A child that reads a header that never comes, because the file is a pipe to which nobody writes."""

    def __init__(self, folder: Path) -> None:
        self.pipe = folder / "hanging.rpm"
        os.mkfifo(self.pipe)
        self.failure: Exception | None = None
        self._thread = threading.Thread(target=self._read, args=(folder,))
        self._thread.start()
        eventually("the child is ready", lambda: _ready(folder))
        (self.pid,) = [int(path.name) for path in Path("/proc").glob("[0-9]*") if _is_child(path)]

    def _read(self, folder: Path) -> None:
        try:
            headers.read_apart([self.pipe], folder)
        except (InvalidError, UnavailableError) as error:
            self.failure = error

    def end(self, number: signal.Signals) -> Exception | None:
        """Send it a signal; what `read_apart` made of that."""
        os.kill(self.pid, number)
        self._thread.join(timeout=30)
        return self.failure


def _is_child(path: Path) -> bool:
    try:
        parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
        return parent == os.getpid() and b"builder.repo.headers" in (path / "cmdline").read_bytes()
    except OSError:
        return False


def _ready(folder: Path) -> bool:
    return (folder / "answers").exists() and (folder / "answers").read_bytes() == READY


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Child]:
    child = Child(tmp_path)
    yield child
    if child.failure is None:
        child.end(signal.SIGKILL)


def test_a_stop_of_the_daemon_blames_no_file(child: Child) -> None:
    """The child is in a session of its own, and where a signal reaches it all the same, no file is refused for it."""
    assert os.getsid(child.pid) == child.pid != os.getsid(0)
    failure = child.end(signal.SIGTERM)
    assert isinstance(failure, UnavailableError)
    assert "Terminated" in str(failure)


def test_the_child_has_limits(child: Child) -> None:
    """Before it looks at a file, what it may use of memory, processor and disk is bounded."""
    text = Path(f"/proc/{child.pid}/limits").read_text()
    limits = {line[:26].strip(): line[26:].split()[:2] for line in text.splitlines()}
    assert limits["Max address space"] == [str(headers.MEMORY)] * 2
    assert limits["Max file size"] == [str(headers.LARGEST)] * 2
    assert limits["Max core file size"] == ["0", "0"]
    soft, hard = (int(seconds) for seconds in limits["Max cpu time"])
    assert headers.PATIENCE <= soft < hard < headers.PATIENCE + 60


def test_processor_time_ends_in_a_way_that_is_told() -> None:
    """A header over which the child never ends is told from a host that has no time: the kernel ends it by SIGXCPU."""
    endless = "from builder.repo.headers import confine\nconfine(1)\nwhile True: pass"
    done = subprocess.run([sys.executable, "-c", endless], timeout=60, check=False)
    assert done.returncode == -signal.SIGXCPU


def test_the_child_ends_with_its_parent(tmp_path: Path) -> None:
    """When the repository builder is killed, no child goes on writing where the next one clears up."""
    os.mkfifo(tmp_path / "hanging.rpm")
    code = "import sys; from pathlib import Path; from builder.repo.headers import read_apart\n"
    code += "read_apart([Path(sys.argv[1])], Path(sys.argv[2]))"
    parent = subprocess.Popen([sys.executable, "-c", code, tmp_path / "hanging.rpm", tmp_path])
    eventually("the child is ready", lambda: _ready(tmp_path))
    parent.kill()
    parent.wait(timeout=30)
    mark = str(tmp_path).encode()
    eventually("the child has gone", lambda: not any(_opens(path, mark) for path in Path("/proc").glob("[0-9]*")))


def _opens(path: Path, mark: bytes) -> bool:
    """Whether a process has a file open below the folder `mark`."""
    try:
        return any(os.fsencode(link.readlink()).startswith(mark) for link in (path / "fd").iterdir())
    except OSError:
        return False


def test_a_child_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child that comes to nothing is ended after a while; it may be the host, so no file is refused for it."""
    monkeypatch.setattr(headers, "PATIENCE", 1)
    monkeypatch.setattr(headers, "LOADED", 1)
    os.mkfifo(tmp_path / "hanging.rpm")
    with pytest.raises(UnavailableError, match="took more than 1 s"):
        headers.read_apart([tmp_path / "hanging.rpm"], tmp_path)
