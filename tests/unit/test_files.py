import errno
import hashlib
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder import files


@pytest.fixture
def steps() -> Iterator[list[tuple[str, str]]]:
    """What was announced: operation and file name."""
    seen: list[tuple[str, str]] = []

    def note(operation: str, path: Path) -> None:
        seen.append((operation, path.name))

    files.before.append(note)
    yield seen
    files.before.remove(note)


class StoppedError(Exception):
    """The process ends here, as far as the test is concerned."""


@pytest.fixture
def stopped() -> Iterator[list[str]]:
    """Stops at each operation whose name is in the list."""
    where: list[str] = []

    def stop(operation: str, _: Path) -> None:
        if operation in where:
            raise StoppedError

    files.before.append(stop)
    yield where
    files.before.remove(stop)


def test_written_file_is_complete(tmp_path: Path) -> None:
    """What was written is read, with the mode that was asked for."""
    files.write(tmp_path / "ca.key", b"secret", mode=0o600)
    assert (tmp_path / "ca.key").read_bytes() == b"secret"
    assert stat.S_IMODE((tmp_path / "ca.key").stat().st_mode) == 0o600


@pytest.mark.parametrize("operation", ["sync", "move"])
def test_interrupted_write_leaves_the_old_content(tmp_path: Path, stopped: list[str], operation: str) -> None:
    """A reader sees the old content or the new one: a write that is stopped anywhere changes nothing."""
    files.write(tmp_path / "manifest.json", b"old")
    stopped.append(operation)
    with pytest.raises(StoppedError):
        files.write(tmp_path / "manifest.json", b"new")
    assert (tmp_path / "manifest.json").read_bytes() == b"old"


def test_write_after_an_interrupted_one(tmp_path: Path, stopped: list[str]) -> None:
    """What an earlier life left beside the file changes neither content nor mode of the next one."""
    stopped.append("move")
    with pytest.raises(StoppedError):
        files.write(tmp_path / "key", b"a long old content", mode=0o644)
    stopped.clear()
    files.write(tmp_path / "key", b"new", mode=0o600)
    assert (tmp_path / "key").read_bytes() == b"new"
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_write_is_durable(tmp_path: Path, steps: list[tuple[str, str]]) -> None:
    """The content is synced before the rename, and the folder after it."""
    files.write(tmp_path / "log", b"line")
    assert steps == [("sync", ".log.new"), ("move", "log"), ("sync", tmp_path.name)]


def test_move_replaces(tmp_path: Path) -> None:
    """A file that is moved replaces the one at its place."""
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "b").write_bytes(b"b")
    files.move(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"a"
    assert not (tmp_path / "a").exists()


def test_move_does_not_replace_a_full_folder(tmp_path: Path) -> None:
    """A folder that holds something is not replaced: nothing published disappears by mistake."""
    for name in ("generation", "current"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text(name)
    with pytest.raises(OSError) as caught:  # noqa: PT011 - its number says which
        files.move(tmp_path / "generation", tmp_path / "current")
    assert caught.value.errno == errno.ENOTEMPTY
    assert (tmp_path / "current/manifest.json").read_text() == "current"


def test_link_twice(tmp_path: Path) -> None:
    """Linking again what is linked already does nothing; another file at the place is not replaced."""
    (tmp_path / "pool.rpm").write_bytes(b"rpm")
    (tmp_path / "other.rpm").write_bytes(b"other")
    files.link(tmp_path / "pool.rpm", tmp_path / "hello.rpm")
    files.link(tmp_path / "pool.rpm", tmp_path / "hello.rpm")
    assert (tmp_path / "hello.rpm").samefile(tmp_path / "pool.rpm")
    with pytest.raises(FileExistsError):
        files.link(tmp_path / "other.rpm", tmp_path / "hello.rpm")


def test_remove(tmp_path: Path) -> None:
    """A file is removed, a link without its target, and what is gone is no mistake."""
    (tmp_path / "kept").write_text("kept")
    files.symlink("kept", tmp_path / "link")
    files.remove(tmp_path / "link")
    files.remove(tmp_path / "link")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_remove_tree(tmp_path: Path) -> None:
    """A folder is removed with all it holds, and one that is gone is no mistake."""
    (tmp_path / "attempt/results").mkdir(parents=True)
    (tmp_path / "attempt/log").write_text("line")
    files.remove_tree(tmp_path / "attempt")
    files.remove_tree(tmp_path / "attempt")
    assert list(tmp_path.iterdir()) == []


def test_symlink_is_switched(tmp_path: Path) -> None:
    """A link is replaced by rename, even when an interrupted switch has left something beside it."""
    files.symlink("generations/1/repodata", tmp_path / "repodata")
    (tmp_path / ".repodata.new").symlink_to("generations/0/repodata")
    files.symlink("generations/2/repodata", tmp_path / "repodata")
    assert (tmp_path / "repodata").readlink() == Path("generations/2/repodata")
    assert [path.name for path in tmp_path.iterdir()] == ["repodata"]


@given(content=st.binary(max_size=1000))
def test_sha256(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """The digest of a file is the digest of its content."""
    path = tmp_path_factory.getbasetemp() / "digested"
    path.write_bytes(content)
    assert files.sha256(path) == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("operation", ["move", "link", "remove", "sync"])
def test_nothing_happens_before_it_is_announced(tmp_path: Path, stopped: list[str], operation: str) -> None:
    """A process that is stopped at an operation has not begun it."""
    (tmp_path / "here").write_text("here")
    changes = {
        "move": lambda: files.move(tmp_path / "here", tmp_path / "there"),
        "link": lambda: files.link(tmp_path / "here", tmp_path / "there"),
        "remove": lambda: files.remove(tmp_path / "here"),
        "sync": lambda: files.sync(tmp_path / "here"),
    }
    stopped.append(operation)
    with pytest.raises(StoppedError):
        changes[operation]()
    assert [path.name for path in tmp_path.iterdir()] == ["here"]
