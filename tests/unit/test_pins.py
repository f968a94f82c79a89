"""The libraries that are pinned in pins/, beside those that setup.cfg asks for."""

import re

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from requirements import requirements

from tests.support.distribution import ROOT

HASH = r"    --hash=sha256:[0-9a-f]{64}"
ENTRY = re.compile(rf"([a-z0-9-]+)==([a-z0-9.]+)(?: ; [a-z0-9_.'<>=! ]+|)(?: \\\n{HASH})+\n", re.IGNORECASE)
ANEW = "setup.cfg or pyproject.toml asks for other libraries than are pinned: run scripts/pin"

both = pytest.mark.parametrize("name", ["run", "test"])


def pins(name: str) -> tuple[list[str], str]:
    """Return the lines of comments, and all else."""
    lines = (ROOT / f"pins/{name}.txt").read_text().splitlines(keepends=True)
    comments = [line.rstrip() for line in lines if line.startswith("#")]
    return comments, "".join(line for line in lines if not line.startswith("#"))


@both
def test_pins_are_made_from_what_is_asked_for(name: str) -> None:
    """Whoever changes setup.cfg learns that it takes another command."""
    head = "# Pinned by scripts/pin for scripts/bootstrap. Asked for:"
    assert pins(name)[0] == [head, *(f"#   {line}" for line in requirements(name))], ANEW


@both
def test_every_requirement_is_pinned_to_a_version_that_it_allows(name: str) -> None:
    """That holds for what Builder is built with, too."""
    versions = {entry[1]: entry[2] for entry in ENTRY.finditer(pins(name)[1])}
    asked = [Requirement(line) for line in requirements(name)]
    assert {"setuptools", "twisted"} <= {requirement.name for requirement in asked}
    for requirement in asked:
        assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), ANEW


@both
def test_pins_hold_versions_with_hashes_alone(name: str) -> None:
    """No line names an index, an address or a folder, and nothing is without a hash."""
    assert ENTRY.sub("", pins(name)[1]) == ""


def test_builder_is_tested_with_the_versions_that_it_runs_with() -> None:
    """What is pinned to run it is pinned to test it."""
    run, test = ({entry[0] for entry in ENTRY.finditer(pins(name)[1])} for name in ("run", "test"))
    assert run < test
