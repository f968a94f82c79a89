"""Where the submodules of a repository are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.runner.sources.submodules import absolute, listed, may_be_read


def test_paths_have_their_urls() -> None:
    """By name, which may hold anything; what is not whole is none."""
    text = "submodule.a.b.path\nlib/a\0submodule.a.b.url\n../a.git\0submodule.c.path\nc\0submodule.d\0"
    assert listed(text) == {"lib/a": "../a.git"}


@pytest.mark.parametrize(
    ("url", "parent", "found"),
    [
        ("https://x/a.git", "https://y/b.git", "https://x/a.git"),
        ("../a.git", "https://y/o/b.git", "https://y/o/a.git"),
        ("../a.git", "https://y/o/b.git/", "https://y/o/a.git"),
        ("../../p/a.git", "https://y/o/b.git", "https://y/p/a.git"),
        ("./a", "https://y/b", "https://y/b/a"),
        ("../a.git", "git@y:o/b.git", "git@y:o/a.git"),
        ("../a.git", "git@y:b.git", "git@y:a.git"),
        ("../a", "file:///srv/b", "file:///srv/a"),
    ],
)
def test_relative_address_is_relative_to_the_repository(url: str, parent: str, found: str) -> None:
    """As git has it."""
    assert absolute(url, parent) == found


@pytest.mark.parametrize(
    ("url", "parent", "may"),
    [
        ("https://x/a", "https://y/b", True),
        ("ssh://git@x/a", "https://y/b", True),
        ("git@x:a", "https://y/b", True),
        ("https://x/a", "file:///b", True),
        ("file:///a", "file:///b", True),
        ("file:///a", "https://y/b", False),
        ("file://host/a", "file:///b", False),
        ("/a", "file:///b", False),
        ("../a", "https://y/b", False),
        ("ext::sh -c x", "https://y/b", False),
        ("ssh://-oProxyCommand=x/a", "https://y/b", False),
        ("-oProxyCommand=x:a", "https://y/b", False),
        ("https://x/a b", "https://y/b", False),
        ("https:///a", "https://y/b", False),
        ("", "file:///b", False),
    ],
)
def test_what_may_be_read(url: str, parent: str, may: bool) -> None:
    """Other hosts by what git speaks; this host's disk only from itself."""
    assert may_be_read(url, parent) is may


@given(st.text(max_size=40), st.sampled_from(["https://y/o/b.git", "git@y:o/b.git", "ssh://git@y/b"]))
def test_no_address_leads_from_another_host_to_this_ones_disk(url: str, parent: str) -> None:
    """However it is written, and however many levels it goes up."""
    for prefix in ("", "../", "../../", "../../../../"):
        where = absolute(prefix + url, parent)
        assert not (may_be_read(where, parent) and where.startswith(("/", "file:", ".", "-")))
