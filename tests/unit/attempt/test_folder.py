import errno
import os
import resource
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder import files
from builder.attempt import disk, kept
from builder.attempt.folder import AttemptFolder
from builder.errors import InvalidError, UnavailableError
from builder.model.attempt import AttemptState, Outcome
from builder.model.work import ChrootWork
from builder.process import Interrupts
from builder.runner.executors.auto import choose
from builder.runner.executors.cache import cache_slot
from builder.runner.executors.executor import BuildRoot
from builder.runner.workspace import Workspace
from builder.slave.journal import Journal
from builder.state import SlaveFolder
from tests.support.orders import ATTEMPT, order, source_work


class _Death(Exception):  # noqa: N818 - it is no error of anybody's
    """The process is gone at this point."""


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def _die_at(point: int, act: Callable[[], object]) -> bool:
    """Do something, and die ahead of its change number `point`; False if it died."""
    changes = iter(range(point))

    def die(*_: object) -> None:
        if next(changes, None) is None:
            raise _Death

    files.before.append(die)
    try:
        act()
    except _Death:
        return False
    finally:
        files.before.remove(die)
    return True


ENDED = Outcome(state=AttemptState.FAILED, reason="it does not compile")


@pytest.fixture
def folder(tmp_path: Path) -> AttemptFolder:
    return Journal(SlaveFolder(tmp_path)).record(order(source_work()))


class TestRecords:
    def test_the_first_step_starts_the_attempt(self, folder: AttemptFolder) -> None:
        """Record 0 says that the attempt is at work."""
        folder.recorder().begin_step("fetch")
        started, first = folder.records()
        assert (started.number, started.kind.value, started.step) == (0, "job-started", None)
        assert (first.number, first.kind.value, first.log) == (1, "step-started", 0)

    def test_records_know_where_the_log_was(self, folder: AttemptFolder) -> None:
        """A step's log begins where the log ended before it."""
        recorder = folder.recorder()
        recorder.begin_step("fetch")
        folder.log.write_text("four")
        recorder.end_step(ok=True)
        recorder.begin_step("srpm")
        assert [record.log for record in folder.records()] == [0, 0, 4, 4]

    def test_another_writer_goes_on(self, folder: AttemptFolder) -> None:
        """Slave and runner write one after the other into the same records."""
        folder.recorder().begin_step("fetch")
        later = folder.recorder()
        assert later.open_step == "fetch"
        later.end_step(ok=False)
        later.end_step(ok=True)  # nothing is open any more
        assert [record.ok for record in folder.records()] == [False, False, False]
        assert folder.records()[-1].number == 2

    def test_half_a_line_is_no_record(self, folder: AttemptFolder) -> None:
        """What a power cut tore is taken away, and written over."""
        recorder = folder.recorder()
        recorder.begin_step("fetch")
        with (folder.path / "records").open("a") as records:
            records.write('{"number":2,"ki')
        assert len(folder.records()) == 2
        folder.recorder().end_step(ok=True)
        assert [record.number for record in folder.records()] == [0, 1, 2]

    def test_a_line_that_does_not_fit_is_not_there_at_all(self, folder: AttemptFolder) -> None:
        """When there is room for half of a line, there is none of it."""
        recorder = folder.recorder()
        recorder.begin_step("fetch")
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, ((folder.path / "records").stat().st_size + 10, hard))
        try:
            with pytest.raises(OSError) as caught:  # noqa: PT011 - its number says which
                recorder.end_step(ok=True)
            assert caught.value.errno == errno.EFBIG
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        recorder.end_step(ok=True)
        assert [record.number for record in folder.records()] == [0, 1, 2]


class TestResult:
    def test_an_end_is_there_as_a_whole(self, folder: AttemptFolder) -> None:
        """There is no result until there is all of it."""
        assert folder.outcome() is None
        folder.finish(ENDED)
        assert folder.outcome() == ENDED

    @pytest.mark.parametrize("content", [b"", b'{"state":"succeeded","evr":1}', b'{"state":"\xff"}', b"[]"])
    def test_an_end_that_cannot_be_read_is_the_farms_fault(self, folder: AttemptFolder, content: bytes) -> None:
        """It ends the attempt: nobody would write another one."""
        (folder.path / "result.json").write_bytes(content)
        outcome = folder.outcome()
        assert outcome
        assert outcome.state is AttemptState.BROKEN
        assert "cannot be read" in outcome.reason

    def test_its_room_was_set_aside_with_the_order(self, folder: AttemptFolder) -> None:
        """The file that becomes the result has its blocks from the start."""
        reserved = (folder.path / ".result.new").stat()
        assert reserved.st_blocks * 512 >= 4096
        folder.finish(ENDED)
        assert (folder.path / "result.json").stat().st_ino == reserved.st_ino

    def test_where_there_is_no_room_nothing_is_set_aside(self, tmp_path: Path) -> None:
        """The folder for the next order is made once more when there is, with room in it."""
        journal = Journal(SlaveFolder(tmp_path))
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
        try:
            journal.prepare()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        folder = journal.record(order(source_work()))
        assert (folder.path / ".result.new").stat().st_blocks * 512 >= 4096

    def test_an_order_of_another_version_is_told(self, folder: AttemptFolder) -> None:
        """With the file's name."""
        (folder.path / "order.json").write_text("{}")
        with pytest.raises(InvalidError, match=r"order\.json"):
            _ = AttemptFolder(folder.path).order


class TestLock:
    def test_who_holds_the_lock_lives(self, folder: AttemptFolder) -> None:
        """Nobody else gets it; when it is let go, the runner is gone."""
        assert not folder.running()
        lock = folder.take_lock()
        assert lock is not None
        assert folder.running()
        assert folder.take_lock() is None
        os.close(lock)
        assert not folder.running()


class TestJournal:
    @given(st.integers(0, 12))
    def test_an_order_is_there_as_a_whole_or_not_at_all(self, point: int) -> None:
        """Wherever the slave dies while it writes an order down, its next life finds all of it or nothing."""
        with _folder() as state:
            journal = Journal(SlaveFolder(state))
            written = _die_at(point, lambda: journal.record(order(source_work())))
            held = [folder.order.attempt for folder in Journal(SlaveFolder(state)).held()]
            assert held == [ATTEMPT] or (held == [] and not written)

    @given(st.integers(0, 12))
    def test_forgetting_is_finished_by_the_next_life(self, point: int) -> None:
        """Wherever the slave dies while it removes an attempt, the attempt is there or gets removed."""
        with _folder() as state:
            journal = Journal(SlaveFolder(state))
            folder = journal.record(order(source_work()))
            _die_at(point, lambda: journal.forget(folder))
            held = Journal(SlaveFolder(state)).held()
            assert all(one.order.attempt == ATTEMPT for one in held)
            assert len(list((state / "attempts").iterdir())) == len(held)

    def test_parked_attempts_are_kept_apart(self, tmp_path: Path) -> None:
        """Parking the same attempt twice keeps both."""
        journal = Journal(SlaveFolder(tmp_path))
        for _ in range(2):
            journal.park(journal.record(order(source_work())))
        assert journal.held() == ()
        assert sorted(path.name for path in (tmp_path / "parked").iterdir()) == [ATTEMPT, f"{ATTEMPT}.2"]


class TestDisk:
    @pytest.mark.parametrize(
        ("log", "room", "full"),
        [
            ("all is well", 1 << 30, False),
            ("cc: No space left on device", 1 << 20, True),
            ("cc: No space left on device", 1 << 40, False),
            ("", 0, True),
            ("At least 12MB more space needed on the / filesystem.", 100 << 20, True),
        ],
    )
    def test_a_full_disk_is_told_from_a_test_of_one(self, log: str, room: int, full: bool) -> None:
        """A program that says so is believed only where there is little room."""
        assert disk.was_full(log, room) is full


class TestCache:
    def test_two_attempts_have_two_caches(self, tmp_path: Path) -> None:
        """And the next one has the first of them again."""
        with cache_slot(tmp_path, "mini") as first, cache_slot(tmp_path, "mini") as second:
            assert first != second
        with cache_slot(tmp_path, "mini") as again:
            assert again == first

    def test_a_cache_that_is_used_is_kept(self, tmp_path: Path) -> None:
        """However long nobody has used it before."""
        with cache_slot(tmp_path, "mini") as cache:
            os.utime(cache, (0, 0))
        with cache_slot(tmp_path, "mini"):
            kept.prune(tmp_path)
            assert cache.exists()


class _Executor:
    def __init__(self, name: str, missing: str | None) -> None:
        self.name = name
        self._missing = missing

    def missing(self, interrupts: Interrupts) -> str | None:
        del interrupts
        return self._missing

    def fill(self, workspace: Workspace, work: ChrootWork, srpm: Path) -> BuildRoot:
        raise NotImplementedError


class TestAuto:
    def test_the_first_that_misses_nothing_is_taken(self) -> None:
        """Later ones are not asked for."""
        executors = [_Executor("first", "no mock"), _Executor("second", None), _Executor("third", None)]
        assert choose(executors, Interrupts()).name == "second"

    def test_without_any_the_sentence_says_what_each_misses(self) -> None:
        """A person can install one of it."""
        with pytest.raises(UnavailableError, match=r"first: no mock; second: no dnf"):
            choose([_Executor("first", "no mock"), _Executor("second", "no dnf")], Interrupts())
