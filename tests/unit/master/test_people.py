import gc
import tracemalloc

import pytest
import sqlalchemy as sa

from builder.master.people import People
from builder.master.store.schema import tokens
from tests.support.people import ADA, BOB
from tests.support.store import MemoryStore, answer

STRANGERS = 1000


def test_a_token_is_its_owners() -> None:
    """Whoever shows a token is the person it was issued to; each has one of their own."""
    people = People(MemoryStore())
    ada, bob = answer(people.issue("ada")), answer(people.issue("bob"))
    assert (answer(people.person(ada)), answer(people.person(bob))) == (ADA, BOB)


def test_any_other_token_is_nobodys() -> None:
    """A guess, a part of a token and the empty text let nobody in."""
    people = People(MemoryStore())
    token = answer(people.issue("ada"))
    assert [answer(people.person(guess)) for guess in ("guess", token[:-1], "")] == [None] * 3


def test_the_database_does_not_know_the_token() -> None:
    """What is stored lets nobody in: neither the token stands there, nor anything that works as one."""
    store = MemoryStore()
    people = People(store, lambda: "secret-token")
    answer(people.issue("ada"))
    (row,) = answer(store.read(lambda connection: connection.execute(sa.select(tokens)).all()))
    assert "secret-token" not in str(tuple(row))
    assert answer(people.person(row.digest)) is None


def test_an_owner_is_looked_up_each_time() -> None:
    """A row that anybody takes out of the database lets nobody in any more; a stranger may get a token meanwhile."""
    store = MemoryStore()
    people = People(store, iter(["first", "second"]).__next__)
    answer(people.issue("ada"))
    assert [answer(people.person(token)) for token in ("first", "second")] == [ADA, None]
    answer(store.write(lambda connection: connection.execute(sa.delete(tokens)).rowcount))
    assert answer(people.person("first")) is None
    answer(people.issue("bob"))
    assert answer(people.person("second")) == BOB


def test_what_is_revoked_is_good_no_more() -> None:
    """All tokens of a person at once, and nobody else's; a new one is good again."""
    people = People(MemoryStore(), iter(["one", "two", "bobs", "new"]).__next__)
    for person in ("ada", "ada", "bob"):
        answer(people.issue(person))
    assert answer(people.revoke("ada")) == 2
    assert [answer(people.person(token)) for token in ("one", "two", "bobs")] == [None, None, BOB]
    assert answer(people.revoke("ada")) == 0
    answer(people.issue("ada"))
    assert [answer(people.person(token)) for token in ("one", "new")] == [None, ADA]


@pytest.mark.sqlite
def test_a_stranger_costs_one_look_into_an_index() -> None:
    """However many tokens there are, and whoever's it is."""
    store = MemoryStore()
    seen: list[str] = []
    people = People(store)

    def explained(connection: sa.Connection, _: object, statement: str, parameters: object, *__: object) -> None:
        if statement.startswith("SELECT"):
            plan = connection.connection.driver_connection
            assert plan is not None
            seen.extend(row[3] for row in plan.execute(f"EXPLAIN QUERY PLAN {statement}", parameters))

    sa.event.listen(store._engine, "before_cursor_execute", explained)
    before = store.reads
    assert answer(people.person("a-guess")) is None
    assert store.reads == before + 1
    (plan,) = seen
    assert plan.startswith("SEARCH tokens USING INDEX")
    assert plan.endswith("(digest=?)")


def test_strangers_leave_nothing_behind() -> None:
    """Memory does not grow with guesses."""
    people = People(MemoryStore())
    guesses = (f"guess-{number}" for number in range(2 * STRANGERS))

    def guess() -> None:
        for _ in range(STRANGERS):
            assert answer(people.person(next(guesses))) is None

    def held() -> int:
        guess()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        first, second = held(), held()
    finally:
        tracemalloc.stop()
    assert (
        second - first < 100 * STRANGERS
    )  # a digest alone takes more; the driver itself keeps some cursors for a while
