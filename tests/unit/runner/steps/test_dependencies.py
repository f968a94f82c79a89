"""What a package requires and provides."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.runner.steps.dependencies import names


@pytest.mark.parametrize(
    ("requirement", "named"),
    [
        ("gcc", ["gcc"]),
        ("pkgconfig(zlib)", ["pkgconfig(zlib)"]),
        ("/usr/bin/perl", ["/usr/bin/perl"]),
        ("(gcc >= 13 or clang)", ["gcc", "clang"]),
        ("(pkgconfig(gtk4) if (desktop and pkgconfig(x11) < 2))", ["pkgconfig(gtk4)", "desktop", "pkgconfig(x11)"]),
        ("(python3dist(a[b]) with python3dist(a) < 3~~)", ["python3dist(a[b])", "python3dist(a)"]),
        ("(one unless two else three)", ["one", "two", "three"]),
        ("(", [""]),
        ("(a >=", ["a"]),
    ],
)
def test_a_requirement_names_capabilities(requirement: str, named: list[str]) -> None:
    """Itself, or all in a boolean one, without versions; what makes no sense comes to an end too."""
    assert list(names(requirement)) == named


@given(st.lists(st.text("() a<=)", max_size=5), max_size=6).map(" ".join))
def test_whatever_a_spec_says_comes_to_an_end(requirement: str) -> None:
    """No name has the parentheses of what it stands in."""
    found = list(names(f"({requirement}"))
    assert not any(name.startswith("(") for name in found)
    assert not any(name.endswith(")") and name.count(")") > name.count("(") for name in found)
