import pytest

from builder.master.events import Events
from builder.master.store import events
from tests.support.store import T0, MemoryStore, answer


@pytest.fixture(name="store")
def _store() -> MemoryStore:
    return MemoryStore()


def tell(store: MemoryStore, kind: str, build: int, job: str | None = None) -> None:
    answer(store.write(lambda connection: events.record(connection, kind, build, job, "text")))


def numbers(service: Events, after: int, build: int | None = None, limit: int = 500) -> list[int]:
    return [event.number for event in answer(service.since(after, build, limit))]


def test_events_are_read_from_a_number_on(store: MemoryStore) -> None:
    """Oldest first, after the number, at most the limit; of one build, where one is named."""
    service = Events(store)
    for build in (1, 2, 1, 2, 1):
        tell(store, "build_queued", build)
    assert numbers(service, 0) == [1, 2, 3, 4, 5]
    assert numbers(service, 3) == [4, 5]
    assert numbers(service, 0, limit=2) == [1, 2]
    assert numbers(service, 1, build=1) == [3, 5]
    assert numbers(service, 5) == []


def test_an_event_says_what_was_recorded(store: MemoryStore) -> None:
    """Kind, build, job and text come back as they were told, with a time."""
    tell(store, "job_queued", 7, "source")
    (event,) = answer(Events(store).since(0))
    assert (event.kind, event.build, event.job, event.text) == ("job_queued", 7, "source", "text")
    assert event.time == T0


def test_the_newest_is_known(store: MemoryStore) -> None:
    """Before anything has happened it is 0."""
    service = Events(store)
    assert answer(service.newest()) == 0
    tell(store, "build_queued", 1)
    assert answer(service.newest()) == 1


def test_the_bell_rings_for_a_new_event(store: MemoryStore) -> None:
    """Whoever follows events is woken by the store's own bell."""
    rung = Events(store).changed.wait()
    tell(store, "build_queued", 1)
    assert rung.called
