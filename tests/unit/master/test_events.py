"""Events as they are kept and read; what makes them is in test_told.py."""

import msgspec
import pytest

from builder.master.events import Events
from builder.master.store import events
from builder.model.event import Event, EventFilter, EventKind, Subject
from tests.support.store import T0, MemoryStore, answer


@pytest.fixture(name="store")
def _store() -> MemoryStore:
    return MemoryStore()


def tell(store: MemoryStore, kind: EventKind, subject: Subject) -> None:
    answer(store.write(lambda connection: events.record(connection, kind, subject, "text")))


def numbers(service: Events, after: int, limit: int = 500, **wanted: str | int | EventKind) -> list[int]:
    of = msgspec.convert(wanted, EventFilter)
    return [event.number for event in answer(service.since(after, of, limit))]


def test_events_are_read_from_a_number_on(store: MemoryStore) -> None:
    """Oldest first, after the number, at most the limit; of one build, where one is named."""
    service = Events(store)
    for build in (1, 2, 1, 2, 1):
        tell(store, EventKind.BUILD_QUEUED, Subject(build=build))
    assert numbers(service, 0) == [1, 2, 3, 4, 5]
    assert numbers(service, 3) == [4, 5]
    assert numbers(service, 0, limit=2) == [1, 2]
    assert numbers(service, 1, build=1) == [3, 5]
    assert numbers(service, 5) == []


def test_events_are_read_by_project_and_kind(store: MemoryStore) -> None:
    """Of all that is named, an event has to have each."""
    service = Events(store)
    for kind in (EventKind.SECRET_SET, EventKind.BUILD_QUEUED):
        for project, build in (("a", 1), ("b", 2), ("a", 3), (None, None)):
            tell(store, kind, Subject(project=project, build=build))
    assert numbers(service, 0, project="a") == [1, 3, 5, 7]
    assert numbers(service, 0, kind=EventKind.BUILD_QUEUED) == [5, 6, 7, 8]
    assert numbers(service, 0, project="a", kind=EventKind.SECRET_SET) == [1, 3]
    assert numbers(service, 0, project="a", kind=EventKind.BUILD_QUEUED, build=3) == [7]
    assert numbers(service, 0, project="b", build=1) == []


def test_an_event_says_what_was_recorded(store: MemoryStore) -> None:
    """Kind, subject and text come back as they were told, with a time."""
    subject = Subject(project="p", build=7, job="source", operation=3, slave="a", release="r", who="ada")
    tell(store, EventKind.JOB_QUEUED, subject)
    (event,) = answer(Events(store).since(0))
    assert event == Event(number=1, time=T0, kind=EventKind.JOB_QUEUED, text="text", **msgspec.structs.asdict(subject))


def test_an_event_may_be_about_nothing(store: MemoryStore) -> None:
    """Each part of a subject is optional."""
    tell(store, EventKind.TOKEN_ISSUED, Subject())
    (event,) = answer(Events(store).since(0))
    assert event == Event(number=1, time=T0, kind=EventKind.TOKEN_ISSUED, text="text")


def test_an_event_has_the_fields_of_its_subject() -> None:
    """What something can be about, an event can be about, by the same names and types."""

    def typed(kind: type[Event | Subject]) -> dict[str, object]:
        return {field.name: field.type for field in msgspec.structs.fields(kind)}

    own = {"number", "time", "kind", "text"}
    assert {name: form for name, form in typed(Event).items() if name not in own} == typed(Subject)


def test_the_newest_is_known(store: MemoryStore) -> None:
    """Before anything has happened it is 0."""
    service = Events(store)
    assert answer(service.newest()) == 0
    tell(store, EventKind.BUILD_QUEUED, Subject(build=1))
    assert answer(service.newest()) == 1


def test_the_bell_rings_for_a_new_event(store: MemoryStore) -> None:
    """Whoever follows events is woken by the store's own bell."""
    rung = Events(store).changed.wait()
    tell(store, EventKind.BUILD_QUEUED, Subject(build=1))
    assert rung.called
