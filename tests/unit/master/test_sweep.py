"""Nothing piles up in `incoming/`."""

import errno
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from builder import files
from builder.master.store.schema import builds
from builder.master.sweep import EVERY
from builder.model.attempt import AttemptState, Outcome
from tests.support.headless import MasterCase
from tests.support.store import answer


def _carry_out(connection: sa.Connection, change: sa.Update) -> None:
    connection.execute(change)


class Sweeping(MasterCase):
    """What is left of builds."""

    def _there(self) -> set[str]:
        """The builds of which something is there."""
        return {path.name for path in (self.master.folder / "incoming").iterdir()}

    def test_what_a_build_leaves_is_removed(self) -> None:
        """When it has ended, and not before; other things are left alone."""
        slave = self.slave()
        slave.make_package(self.package_order(slave))
        (self.master.folder / "incoming" / "README").touch()
        self.master.clock.advance(EVERY)
        assert self._there() == {"1", "README"}
        self.again(slave)
        self.master.connect(self.repo)
        answer(self.repo.hello())
        self.repo.apply(self.repo.operations[-1])
        self.master.clock.advance(EVERY)
        assert self._there() == {"README"}

    def test_the_logs_of_old_builds_are_removed(self) -> None:
        """When they are as old as the configuration says, and the build has ended; those of younger ones stay."""
        slave = self.slave()
        for package in ("hello", "both"):
            order = self.package_order(slave, package)
            self.master.cancel(order.build)
            answer(slave.finish(order, Outcome(state=AttemptState.CANCELLED)))
        logs = self.master.folder / "logs"
        for number in (1, 2, 3):
            (logs / str(number) / "source" / "1").mkdir(parents=True, exist_ok=True)
        swept, year = self.master.store.now() + EVERY, 365 * 24 * 3600.0
        for number, age in ((1, year + 1), (2, year)):
            change = sa.update(builds).where(builds.c.number == number).values(finished=swept - age)
            answer(self.master.store.write(partial(_carry_out, change=change)))
        self.master.clock.advance(EVERY)
        assert {path.name for path in logs.iterdir()} == {"2", "3"}

    def test_a_folder_that_cannot_be_removed(self) -> None:
        """It stays and is named in the log; what is behind it is removed, and it is tried again."""
        slave = self.slave()
        for package in ("hello", "both"):
            order = self.package_order(slave, package)
            self.master.cancel(order.build)
            answer(slave.finish(order, Outcome(state=AttemptState.CANCELLED)))

        def refuse(_: str, path: Path) -> None:
            if path.name == "1":
                raise OSError(errno.EIO, "Input/output error")

        files.before.append(refuse)
        self.addCleanup(files.before.clear)
        self.master.clock.advance(EVERY)
        assert self._there() == {"1"}
        files.before.clear()
        self.master.clock.advance(EVERY)
        assert self._there() == set()

    def test_what_is_still_coming_stays(self) -> None:
        """A cancelled build has ended at once, but its slave may not have stopped to deliver."""
        slave = self.slave()
        order = self.package_order(slave)
        self.master.cancel(order.build)
        self.master.restart()
        assert self._there() == {"1"}
        self.again(slave, order)
        answer(slave.finish(order, Outcome(state=AttemptState.CANCELLED)))
        self.master.restart()
        assert self._there() == set()
