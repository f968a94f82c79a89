"""What the page of a repository tells of a package, whatever whoever made it has written."""

import tempfile
from pathlib import Path
from typing import NoReturn

import createrepo_c
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.errors import UnavailableError
from builder.repo import card, headers
from builder.repo.card import CHANGES, LARGEST, Card, Entry
from builder.repo.index import PackageRecord

words = st.text(st.characters(codec=None), max_size=50) | st.builds(
    lambda text, times: text * times, st.text(min_size=1, max_size=5), st.integers(100, 2000)
)
dates = st.integers(-(2**70), 2**70)
GOOD = b'{"summary": "s", "changes": [{"author": "a", "date": 1, "text": "t"}]}'


@given(words, st.lists(st.tuples(words, dates, words), max_size=CHANGES + 2))
def test_whatever_is_written_is_read_back(summary: str, changes: list[tuple[str, int, str]]) -> None:
    """Surrogates, control characters, any dates, more text than fits: its card is small and can be read."""
    made = card.make(summary, changes)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "card")
        card.write(made, path)
        assert path.stat().st_size < LARGEST
        assert card.load(path) == made
    assert len(made.changes) == min(len(changes), CHANGES)


def test_the_longest_card_can_be_read(tmp_path: Path) -> None:
    """All words are as long as they may be and of the letters that need most bytes."""
    long = "\N{GRINNING FACE}" * 10_000
    card.write(card.make(long, [(long, 2**70, long)] * 9), tmp_path / "card")
    assert len(card.load(tmp_path / "card").changes) == CHANGES


def test_long_words_are_cut() -> None:
    """What is left out is not there in silence."""
    made = card.make("s" * 501, [("a" * 201, 0, "t" * 4001), ("a" * 200, 0, "t" * 4000)])
    assert made.summary == "s" * 499 + "…"
    assert (made.changes[0].author, made.changes[0].text) == ("a" * 199 + "…", "t" * 3999 + "…")
    assert (made.changes[1].author, made.changes[1].text) == ("a" * 200, "t" * 4000)


@pytest.mark.parametrize("letter", ["\0", "\x1b", "\x7f", "\x85", "\u202e", "\u2066", "\ud800", "\ufffe", "\uffff"])
def test_what_nobody_sees_is_told(letter: str) -> None:
    """A letter that controls a terminal, turns text around or is none is replaced by one that says so."""
    assert card.make(f"a{letter}b", ()).summary == "a\N{REPLACEMENT CHARACTER}b"


@pytest.mark.parametrize(
    "text", ["a\tb\nc", "žluťoučký <&>", "\N{FAMILY}\N{ZERO WIDTH JOINER}", "a\N{NO-BREAK SPACE}b"]
)
def test_honest_letters_stay(text: str) -> None:
    """Whatever people write is what is told; the page escapes it."""
    assert card.make(text, ()).summary == text


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"summary": ' + b'{"a": ' * 10_000,
        b'{"summary": "s", "changes": ' + b"[" * 10_000,
        GOOD.replace(b'"s"', b"1"),
        GOOD.replace(b'"s"', b'"\xff"'),
        GOOD.replace(b'"s"', b'"\\ud800"'),
        GOOD.replace(b'"s"', b'"%s"' % (b"s" * 501)),
        GOOD.replace(b'"t"', b'"%s"' % (b"t" * 4001)),
        GOOD.replace(b'"t"', b'"%s"' % (b"t" * LARGEST)),
        GOOD.replace(b"1", b"-1"),
        GOOD.replace(b"1", b"1e400"),
        GOOD.replace(b"1", b"9" * 30),
        GOOD.replace(b"[{", b'[{"author": "a", "date": 1, "text": "t"}, ' * 3 + b"{"),
        b'{"summary": "s"}',
    ],
    ids=lambda text: repr(text[:40]),
)
def test_what_is_no_card_is_damaged(tmp_path: Path, text: bytes) -> None:
    """Whatever stands in the file, it is one sentence that names it."""
    (tmp_path / "card").write_bytes(text)
    with pytest.raises(UnavailableError, match=rf"^{tmp_path}/card is damaged: "):
        card.load(tmp_path / "card")


def test_a_card_of_a_newer_version_can_be_read(tmp_path: Path) -> None:
    """More fields than are known here are nothing to stumble over."""
    (tmp_path / "card").write_bytes(GOOD.replace(b"{", b'{"more": [1, {}], ', 1))
    assert card.load(tmp_path / "card") == Card(summary="s", changes=(Entry(author="a", date=1, text="t"),))


def record(summary: str) -> PackageRecord:
    package = createrepo_c.Package()
    package.name, package.epoch, package.version, package.release, package.arch = "odd", "0", "1", "1", "noarch"
    package.pkgId, package.checksum_type, package.location_href = "0" * 64, "sha256", "odd.rpm"
    package.summary, package.changelogs = summary, [("Tester", 1, "- text")]
    primary, filelists, other = createrepo_c.xml_dump(package)[:3]
    return PackageRecord(
        nevra="odd-1-1", sha256="0" * 64, source="s", primary=primary, filelists=filelists, other=other
    )


def test_words_that_are_no_xml() -> None:
    """They are left out, where those of any other package are told; nobody reads them in the metadata either."""
    assert headers.described(record("a <odd> & word")) == card.make("a <odd> & word", [("Tester", 1, "- text")])
    assert headers.described(record("a\ufffeb")) == Card(summary="", changes=())


def test_words_that_do_not_fit_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are left out too: the packages of a delivery are not held up by them, now or later."""

    def full(_: object) -> NoReturn:
        raise MemoryError

    monkeypatch.setattr(headers, "describe", full)
    assert headers.described(record("odd")) == Card(summary="", changes=())
