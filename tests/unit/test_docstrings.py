"""How docstrings begin: a stranger reads each once, since its first word is a verb or the noun that it is about."""

import ast
import re
from collections.abc import Iterator

from tests.support.distribution import ROOT

ASKING = "how what whatever when where whether which who whoever whose why"
POINTING = "it its let one some such that their there these they this those we"
COUNTING = "all both each every everything nobody nothing somebody something"
JOINING = "after as at be before by for from if in is of on to with"
TELLING = "brings carrying does fires gives keeps lets looks makes puts raises returns says sends takes tells yields"
LATE = frozenset(f"{ASKING} {POINTING} {COUNTING} {JOINING} {TELLING}".split())
"""Words behind which the noun comes late, and verbs that are no imperatives."""


def late(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the first word of each docstring of a module that begins with one of `LATE`."""
    for part in ast.walk(ast.parse(source)):
        if isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant) and isinstance(part.value.value, str):
            first = re.search(r"[A-Za-z]+", part.value.value)
            if first and first[0].lower() in LATE:
                yield part.lineno, first[0]


def test_every_docstring_begins_with_a_verb_or_a_noun() -> None:
    """Also those of constants, and those of what is private."""
    found = [
        f"{path.relative_to(ROOT)}:{line}: {word}"
        for path in sorted((ROOT / "builder").rglob("*.py"))
        for line, word in late(path.read_text())
    ]
    assert found == []


def test_a_docstring_that_begins_otherwise_is_found_wherever_it_stands() -> None:
    """At a module, a class, a function or method, public or not, and behind a constant."""
    source = '''\
"""What this module is for."""

LIMIT = 3
"""How many there are."""


class Slave:
    """A slave."""

    def _rest(self) -> bool:
        """`whether` it rests."""

        def inner() -> None:
            """Return nothing."""


async def give_up() -> None:
    """Let it go."""
'''
    assert sorted(late(source)) == [(1, "What"), (4, "How"), (11, "whether"), (18, "Let")]
