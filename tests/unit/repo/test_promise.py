import pytest

from builder import nevra
from builder.repo.promise import Promise, broken

HELLO = Promise(packages=("hello-1-1", "hello-data-2:3-4", "hello-debugsource-1-1"))


@pytest.mark.parametrize(
    "name",
    [
        "hello-1-1.x86_64",
        "hello-data-2:3-4.noarch",
        "hello-debugsource-1-1.x86_64",
        "hello-debuginfo-1-1.x86_64",
        "hello-data-debuginfo-2:3-4.x86_64",
    ],
)
def test_what_a_spec_produces(name: str) -> None:
    """Its packages, in their versions, and the debuginfo of each, which rpm adds without the spec's knowing."""
    assert broken(HELLO, nevra.parse(name)) is None


@pytest.mark.parametrize(
    "name",
    [
        "bash-1-1.x86_64",
        "hello-2-1.x86_64",
        "hello-1-2.x86_64",
        "hello-1:1-1.x86_64",
        "hello-data-3-4.noarch",
        "bash-debuginfo-1-1.x86_64",
        "hello-debuginfo-2-1.x86_64",
        "bash-debugsource-1-1.x86_64",
    ],
)
def test_what_it_does_not(name: str) -> None:
    """Any other name or version, also of debuginfo."""
    why = broken(HELLO, nevra.parse(name))
    assert why is not None
    assert why.startswith("its spec has no package ")


def test_a_source_that_says_nothing() -> None:
    """An SRPM of rpm before 4.16 does not name its packages, and nothing can be held against them."""
    assert broken(Promise(), nevra.parse("anything-1-1.x86_64")) is None
