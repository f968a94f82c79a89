"""What is written down of what went into a result."""

import pytest

from builder.runner.sources.access import public


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://ada:secret@git.example.org/x.git", "https://git.example.org/x.git"),
        ("https://token@example.org/x@2.tar.gz", "https://example.org/x@2.tar.gz"),
        ("https://a:p@ss@example.org/", "https://example.org/"),
        ("https://example.org/x@2.tar.gz", "https://example.org/x@2.tar.gz"),
        ("cannot read https://a:p@ss@example.org/ nor https://b@c/", "cannot read https://example.org/ nor https://c/"),
        ("git@git.example.org:x.git", "git@git.example.org:x.git"),
    ],
)
def test_nobody_learns_a_password(url: str, told: str) -> None:
    """What stands before the host of a URL is no part of where something came from."""
    assert public(url) == told
