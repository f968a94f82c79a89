import pytest

from builder.errors import BY_TAG, ERRORS, BuilderError, InternalError, InvalidError


def subclasses(kind: type[BuilderError]) -> set[type[BuilderError]]:
    """All that derive from `kind`, however far."""
    direct = set(kind.__subclasses__())
    return direct.union(*map(subclasses, direct))


def test_every_error_stands_in_the_table() -> None:
    """An error that is not in the table could not be told to a peer."""
    ours = {kind for kind in subclasses(BuilderError) if kind.__module__.startswith("builder.")}
    assert ours == set(ERRORS)


def test_tags_are_unique() -> None:
    """A tag names one error, so that a peer raises the very error that was raised here."""
    assert len({error.tag for error in ERRORS}) == len(ERRORS)
    assert BY_TAG[b"INTERNAL"] is InternalError


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_is_complete(error: type[BuilderError]) -> None:
    """Each error has a tag for the wire, a status for HTTP that says error, and a docstring that says what it means."""
    assert error.tag.isupper()
    assert 400 <= error.status < 600
    assert error.__doc__


def test_mistakes_are_told_together() -> None:
    """The sentence of `InvalidError` has every mistake, one to a line, and keeps them apart."""
    error = InvalidError("line 1: no project", "line 7: no such chroot")
    assert str(error) == "line 1: no project\nline 7: no such chroot"
    assert error.mistakes == ("line 1: no project", "line 7: no such chroot")
