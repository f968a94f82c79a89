"""People who may do everything, as a token makes them."""

from builder.model.visitor import EVERYTHING, Person


def person(name: str) -> Person:
    """A person with a token of the farm."""
    return Person(name=name, grants=EVERYTHING)


ADA, BOB = person("ada"), person("bob")
