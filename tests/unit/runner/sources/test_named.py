import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.errors import InvalidError
from builder.model.attempt import Commit
from builder.runner.sources.named import (
    Checksum,
    ChecksumKind,
    Source,
    checkout,
    checksums,
    inputs_digest,
    named_sources,
    only_spec,
)

COMMIT = Commit(git="https://example.org/a.git", ref="main", commit="a" * 40, date="2026-11-21T23:59:59Z")


def test_sources_and_patches_are_found_in_order() -> None:
    """URLs keep what is fetched, names are what rpm looks for."""
    spec = """\
Name: hello
Source0: https://example.org/v1.0.tar.gz#/hello-1.0.tar.gz
source: ftp://example.org/other.zip
Patch12:   fix.patch
%description
Source9: this is prose
"""
    assert named_sources(spec) == (
        Source(name="hello-1.0.tar.gz", url="https://example.org/v1.0.tar.gz"),
        Source(name="other.zip", url="ftp://example.org/other.zip"),
        Source(name="fix.patch"),
    )


def test_sources_stand_in_other_sections_too() -> None:
    """In the preambles of further packages, and a line each in lists; not where prose or scripts are."""
    spec = """\
Source0: a.tar.gz
%description
Source9: this is prose
%package devel
Source1: b.tar.gz
%prep
Source9: no
%sourcelist
https://example.org/c.tar.gz
# no

d.txt
%patchlist
e.patch
%postun -p /bin/sh
Source9: no
"""
    assert [source.name for source in named_sources(spec)] == ["a.tar.gz", "b.tar.gz", "c.tar.gz", "d.txt", "e.patch"]


@given(st.text(max_size=200))
def test_no_text_makes_a_source_with_a_path(text: str) -> None:
    """Whatever a spec says, a source's name is one path component."""
    for source in named_sources(f"Source0: {text}\n{text}"):
        assert "/" not in source.name


def test_both_formats_of_sources_are_read() -> None:
    """Fedora's newer one and md5sum's."""
    text = f"SHA512 (a-1.0.tar.gz) = {'AB' * 64}\n\n{'c' * 32}  b.tar.gz\n"
    assert checksums(text) == {
        "a-1.0.tar.gz": Checksum(name="a-1.0.tar.gz", kind=ChecksumKind.SHA512, digest="ab" * 64),
        "b.tar.gz": Checksum(name="b.tar.gz", kind=ChecksumKind.MD5, digest="c" * 32),
    }


def test_every_wrong_line_of_sources_is_named() -> None:
    """All of them at once, each with its number."""
    with pytest.raises(InvalidError) as caught:
        checksums(f"what is this\n{'c' * 32}  b.tar.gz\nCRC (a) = 12\n")
    assert caught.value.mistakes == (
        "line 1 of sources is no checksum: what is this",
        "line 3 of sources is no checksum: CRC (a) = 12",
    )


def test_digest_of_another_length_is_told() -> None:
    """It is nobody's, however long it is."""
    with pytest.raises(InvalidError) as caught:
        checksums(f"SHA256 (a) = {'a' * 63}\nMD5 (b) = {'b' * 32}\nsha1 (c) = {'c' * 300}\n")
    assert caught.value.mistakes == (
        f"line 1 of sources has a checksum of 63 digits, sha256 has 64: SHA256 (a) = {'a' * 63}",
        f"line 3 of sources has a checksum of 300 digits, sha1 has 40: sha1 (c) = {'c' * 69}",
    )


def test_checkout_is_the_commits_day_the_build_and_the_commit() -> None:
    """The day is the commit's in UTC."""
    assert checkout(COMMIT, "aaaaaaa", 17) == "20261121.17gitaaaaaaa"


@given(st.lists(st.tuples(st.text("ab", min_size=1, max_size=2), st.text("01", min_size=1, max_size=2)), max_size=4))
def test_inputs_are_a_set(digests: list[tuple[str, str]]) -> None:
    """The order in which sources are named does not matter, their content does."""
    assert inputs_digest([COMMIT], digests) == inputs_digest([COMMIT], reversed(digests))
    assert inputs_digest([COMMIT], [*digests, ("new", "2")]) != inputs_digest([COMMIT], digests)
    assert inputs_digest([COMMIT], digests, "1" * 64) != inputs_digest([COMMIT], digests)


@pytest.mark.parametrize(
    ("names", "wanted", "spec"),
    [
        (["a.spec", "a.patch"], None, "a.spec"),
        (["a.spec", "b.spec"], "b.spec", "b.spec"),
        (["rpm/a.spec"], None, "rpm/a.spec"),
        (["rpm/a.spec", "b.spec"], None, "b.spec"),
        (["rpm/a.spec", "b.spec"], "rpm/a.spec", "rpm/a.spec"),
    ],
)
def test_the_spec_is_the_only_or_the_named_one(names: list[str], wanted: str | None, spec: str) -> None:
    """With several, the definition decides."""
    assert only_spec(names, wanted) == spec


@pytest.mark.parametrize(
    ("names", "wanted", "words"),
    [
        ([], None, "none"),
        (["a.spec", "b.spec"], None, "a.spec, b.spec"),
        (["a.spec"], "c.spec", "no file c.spec"),
        (["a/a.spec", "b/a.spec"], None, "a/a.spec, b/a.spec"),
        ([f"{n}.spec" for n in range(99)], None, "17.spec, …"),
    ],
)
def test_an_unclear_spec_is_told(names: list[str], wanted: str | None, words: str) -> None:
    """The sentence has the specs that are there."""
    with pytest.raises(InvalidError, match=words):
        only_spec(names, wanted)
