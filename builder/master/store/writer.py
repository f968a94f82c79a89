"""The thread that writes: units in groups, one commit for each group.

A commit is mostly waiting for the disk. While one group is committed the next gathers, so many callers at once share
the wait and a single one does not wait for others. Each unit has a savepoint of its own: one that fails takes back its
own changes and no others. Answers are given after the commit, and before the bell rings.
"""

from collections.abc import Callable
from threading import Condition, Thread
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import Connection
from sqlalchemy.engine.interfaces import DBAPICursor
from twisted.internet.defer import Deferred, fail

from builder.errors import UnavailableError
from builder.master.bell import Bell
from builder.master.store.backend import Backend, explained
from builder.master.store.stamp import stamp

T = TypeVar("T")

LARGEST_GROUP: Final = 256
"""The most units in one commit, so that the first of a long queue does not wait for all of it."""


class _Task(NamedTuple):
    """A unit, and the Deferred of its answer."""

    unit: Callable[[Connection], Any]
    answer: Deferred[Any]


class _Raised(NamedTuple):
    """The answer of a unit that has none."""

    error: Exception


class Writer:
    """The writer: it runs units in the order in which they come, and rings the bell after each commit with a change."""

    def __init__(self, reactor: Any, backend: Backend, committed: Bell, now: Callable[[], float]) -> None:
        self._reactor = reactor
        self._backend = backend
        self._engine = backend.writer()
        self._committed = committed
        self._now = now
        self._tasks: list[_Task] = []
        self._woken = Condition()
        self._closing = False
        self._closed: Deferred[None] = Deferred()
        self._thread = Thread(target=self._work, name="database writer", daemon=True)
        self._thread.start()

    def write(self, unit: Callable[[Connection], T]) -> Deferred[T]:
        """See `Store.write`."""
        if self._closing:
            return fail(UnavailableError("the master is stopping and takes nothing more"))
        answer: Deferred[T] = Deferred()
        with self._woken:
            self._tasks.append(_Task(unit, answer))
            self._woken.notify()
        return answer

    def close(self) -> Deferred[None]:
        """Finish all units that were asked for, and end the thread; to be called once."""
        with self._woken:
            self._closing = True
            self._woken.notify()
        return self._closed

    # -- in the reactor's thread, after each group

    def _tell(self, group: list[_Task], answers: list[Any], *, changed: bool) -> None:
        for task, answer in zip(group, answers, strict=True):
            if isinstance(answer, _Raised):
                task.answer.errback(answer.error)
            else:
                task.answer.callback(answer)
        if changed:
            self._committed.ring()

    def _ended(self) -> None:
        self._thread.join()
        self._closed.callback(None)

    # -- in the thread

    def _work(self) -> None:
        while group := self._gathered():
            answers, changed = self._commit(group)
            self._reactor.callFromThread(self._tell, group, answers, changed=changed)
        self._engine.dispose()
        self._reactor.callFromThread(self._ended)

    def _gathered(self) -> list[_Task]:
        """Return the units that wait, as soon as there are some; none when it is time to end."""
        with self._woken:
            self._woken.wait_for(lambda: self._tasks or self._closing)
            group = self._tasks[:LARGEST_GROUP]
            del self._tasks[:LARGEST_GROUP]
            return group

    def _commit(self, group: list[_Task]) -> tuple[list[Any], bool]:
        """Return the answers of the units, and True if they changed anything; if the commit fails, none has one."""
        try:
            with explained(self._backend), self._engine.begin() as connection:
                savepoints = connection.connection.cursor()
                answers = [self._carry_out(connection, savepoints, task.unit) for task in group]
                changed = self._backend.changed(connection)
        except Exception as error:  # noqa: BLE001 - whoever waits for the unit is told
            return [_Raised(error) for _ in group], False
        return answers, changed and not all(isinstance(answer, _Raised) for answer in answers)

    def _carry_out(
        self, connection: Connection, savepoints: DBAPICursor, unit: Callable[[Connection], T]
    ) -> T | _Raised:
        """Run one unit within the transaction of its group, stamped with the time at which it begins.

        Savepoints are set through the driver's own cursor; `Connection.begin_nested` takes longer than most units.
        """
        savepoints.execute("SAVEPOINT unit")
        stamp(connection, self._now())
        try:
            with explained(self._backend):
                answer: T | _Raised = unit(connection)
        except Exception as error:  # noqa: BLE001 - as above
            answer = _Raised(error)
            try:
                savepoints.execute("ROLLBACK TO unit")
            except Exception:  # noqa: BLE001 - the transaction may have ended with all of it, as on a full disk
                raise error from None
        savepoints.execute("RELEASE unit")
        return answer
