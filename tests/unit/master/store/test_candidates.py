"""What a round of the dispatcher reads."""

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from builder.master.decisions.assignment import Offer, assignments
from builder.master.store import candidates
from builder.master.store.candidates import PAGE
from builder.master.store.jobs import text_of
from builder.master.store.operations import WAITING
from builder.master.store.schema import builds, jobs, operations, packages, projects
from builder.model.job import JobKind, JobState
from tests.support.store import MemoryStore, answer

CHROOT = "fedora-43-x86_64"
PLACE = Offer(slave="a", channels=frozenset({"package"}), architectures=frozenset({"x86_64"}), free=1)


def crowded(many: int) -> MemoryStore:
    """A farm with as many queued jobs, each of a package of its own, and as many that are being published."""
    numbers = range(1, many + 1)
    usual = {"channel": "package", "architecture": "x86_64"}
    build = {"definition": "{}", "force": False, "requested_by": "ada", "requested": 1.0}

    def fill(connection: Connection) -> None:
        def insert(table: sa.Table, rows: list[dict[str, Any]]) -> None:
            connection.execute(sa.insert(table), rows)

        insert(projects, [{"name": "p", "definition": "{}"}])
        insert(packages, [{"id": one, "project": "p", "name": f"n{one}", "definition": "{}"} for one in numbers])
        insert(builds, [build | {"number": one, "package_id": one} for one in numbers])
        for name, state in ((CHROOT, JobState.QUEUED), ("fedora-42-x86_64", JobState.PUBLISHING)):
            own = {"name": name, "kind": JobKind.CHROOT.value, "state": state.value, "targets": text_of((name,))}
            rows = [own | {"build": one, "package_id": one} for one in numbers]
            insert(jobs, [usual | row for row in rows])
        order = {"project": "p", "operation": "{}", "state": WAITING, "created": 1.0}
        insert(operations, [order | {"job_id": many + one} for one in numbers])

    store = MemoryStore()
    answer(store.write(fill))
    return store


def instructions(store: MemoryStore) -> int:
    """How many instructions SQLite's machine carries out for what one place is decided from."""

    def counted(connection: Connection) -> int:
        driver: Any = connection.connection.driver_connection
        ticks: list[None] = []
        driver.set_progress_handler(lambda: ticks.append(None), 1)
        queue = candidates.queue(connection, [PLACE])
        assert len(assignments(queue.waiting, queue.offers, queue.taken)) == 1
        driver.set_progress_handler(None, 0)
        return len(ticks)

    return answer(store.read(counted))


def test_no_more_is_read_than_there_are_places_for() -> None:
    """However long the queue is, for one place its beginning is looked at."""

    def left(connection: Connection) -> int:
        queue = candidates.queue(connection, [PLACE])
        assert [one.job for one in assignments(queue.waiting, queue.offers, queue.taken)] == [1]
        return len(list(queue.waiting))

    assert answer(crowded(PAGE + 10).read(left)) > PAGE


def test_the_whole_queue_is_read_in_its_order() -> None:
    """What begins behind the first page is found when what stands before it cannot go."""

    def read(connection: Connection) -> list[int]:
        return [job.job for job in candidates.queue(connection, [PLACE]).waiting]

    assert answer(crowded(2 * PAGE).read(read)) == list(range(1, 2 * PAGE + 1))


@pytest.mark.sqlite
def test_a_round_does_not_compare_each_job_with_each_operation() -> None:
    """With twice the jobs and twice what waits to be published, a round costs no more than about twice as much."""
    assert instructions(crowded(400)) < 2.5 * instructions(crowded(200))
