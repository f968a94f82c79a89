import os
import shutil
import tempfile
from pathlib import Path

from twisted.internet import reactor
from twisted.trial.unittest import TestCase
from typing_extensions import override

from builder.attempt.folder import AttemptFolder
from builder.slave.watch import InotifyWatch
from tests.support.waiting import until


class InotifyTest(TestCase):
    timeout = 60

    @override
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.watch = InotifyWatch(reactor)
        self.addCleanup(self.watch.stop)
        self.told: list[str] = []

    async def test_looking_at_a_runner_is_no_change(self) -> None:
        """What looks at the attempt because it was told of a change is not told of its own look."""
        attempt = AttemptFolder(self.folder)
        lock = attempt.take_lock()
        assert lock is not None
        self.addCleanup(os.close, lock)
        self.watch.begin(self.folder, self.told.append)
        assert attempt.running()
        attempt.log.write_text("a line\n")
        await until("the log is told", lambda: "log" in self.told)
        assert set(self.told) == {"log"}

    async def test_a_failure_of_one_who_is_told_is_no_other_ones(self) -> None:
        """It is logged, and whoever watches another folder hears of it as before."""
        first, second = self.folder / "first", self.folder / "second"

        def fail(_: str) -> None:
            raise ZeroDivisionError

        for folder, changed in ((first, fail), (second, self.told.append)):
            folder.mkdir()
            self.watch.begin(folder, changed)
        (first / "result").write_text("text")
        (second / "result").write_text("text")
        await until("the result is told", lambda: "result" in self.told)
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1
