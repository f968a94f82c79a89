import os
import time
from pathlib import Path

from builder.attempt import kept
from builder.attempt.kept import UNUSED_AFTER
from builder.slave.journal import Journal
from builder.state import SlaveFolder
from tests.support.orders import ATTEMPT, order, source_work


def grow_old(folder: Path) -> None:
    """As if it was used for the last time a little longer ago than it is kept."""
    then = time.time() - UNUSED_AFTER - 60
    os.utime(folder, (then, then))


def test_what_nobody_has_used_for_long_goes(tmp_path: Path) -> None:
    """With everything in it; the others stay."""
    for name in ("old", "used", "used again"):
        kept.use(tmp_path / name)
        (tmp_path / name / "HEAD").write_text("text")
    for name in ("old", "used again"):
        grow_old(tmp_path / name)
    kept.use(tmp_path / "used again")
    kept.prune(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["used", "used again"]


def test_what_was_used_last_has_the_room(tmp_path: Path) -> None:
    """The others go, whole, and also one that has no room alone."""
    for age, (name, size) in enumerate([("last", 60), ("second", 30), ("third", 20), ("fourth", 1)]):
        kept.use(tmp_path / name)
        (tmp_path / name / "file").write_bytes(bytes(size))
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    kept.prune_to(tmp_path, 100)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["last", "second"]
    kept.prune_to(tmp_path, 59)
    assert list(tmp_path.iterdir()) == []


def test_what_was_being_removed_goes_too(tmp_path: Path) -> None:
    """A runner that is killed while it removes a folder leaves nothing that looks like one."""
    gone = tmp_path / ".gone.old"
    (gone / "objects").mkdir(parents=True)
    kept.prune(tmp_path)
    assert not gone.exists()


def test_parked_attempts_are_kept_for_a_while(tmp_path: Path) -> None:
    """From the day they were parked, however old they were; the next life removes them then."""
    journal = Journal(SlaveFolder(tmp_path))
    folder = journal.record(order(source_work()))
    grow_old(folder.path)
    parked = journal.park(folder)
    Journal(SlaveFolder(tmp_path))
    assert parked == tmp_path / "parked" / ATTEMPT
    assert parked.exists()
    grow_old(parked)
    Journal(SlaveFolder(tmp_path))
    assert not parked.exists()
