import sqlalchemy as sa

from builder.master.people import People
from builder.master.store.schema import tokens
from tests.support.store import MemoryStore, answer


def test_a_token_is_its_owners() -> None:
    """Whoever shows a token is the person it was issued to; each has one of their own."""
    people = People(MemoryStore())
    ada, bob = answer(people.issue("ada")), answer(people.issue("bob"))
    assert (answer(people.person(ada)), answer(people.person(bob))) == ("ada", "bob")


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


def test_a_known_owner_is_remembered() -> None:
    """The database is asked for an owner once; for a stranger again, who may get a token meanwhile."""
    store = MemoryStore()
    people = People(store, iter(["first", "second"]).__next__)
    answer(people.issue("ada"))
    assert [answer(people.person(token)) for token in ("first", "second")] == ["ada", None]
    answer(store.write(lambda connection: connection.execute(sa.delete(tokens)).rowcount))
    assert answer(people.person("first")) == "ada"
    answer(people.issue("bob"))
    assert answer(people.person("second")) == "bob"
