"""What the documents say about which modules there are."""

import re
from pathlib import Path

import pytest

from tests.support.distribution import ROOT


def modules(folder: Path) -> set[str]:
    return {path.stem for path in folder.iterdir()} - {"__init__", "__pycache__"}


@pytest.mark.parametrize(
    ("heading", "folder"),
    [
        ("In the master", "master"),
        ("In the slave", "slave"),
        ("In the folder of an attempt", "attempt"),
        ("In the runner", "runner"),
        ("In the repository builder", "repo"),
    ],
)
def test_the_architecture_names_every_module_of_a_daemon(heading: str, folder: str) -> None:
    """Whoever looks for something finds its module in the table, and no module that is gone."""
    section = (ROOT / "docs/architecture.md").read_text().partition(f"### {heading}\n")[2].partition("\n#")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("|")]
    named = {name for row in rows for name in re.findall(r"`(\w+)/?`", row)}
    assert named == modules(ROOT / "builder" / folder)


def test_the_mini_distribution_names_its_modules() -> None:
    """Its own docstring does."""
    folder = ROOT / "scripts/mini_distribution"
    assert set(re.findall(r"`(\w+)`", (folder / "__init__.py").read_text())) - {"rpmbuild"} == modules(folder)
