"""What the guides tell people to type and to write is right."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.distribution import ROOT

BUILDER = Path(sys.executable).parent / "builder"
GUIDES = ROOT / "docs" / "guides"


def blocks(guide: str, language: str) -> list[str]:
    """The code blocks of a guide that are in one language."""
    return re.findall(rf"```{language}\n(.*?)```", (GUIDES / guide).read_text(), re.DOTALL)


def builder(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line, typed in `folder`."""
    command = [str(BUILDER), *arguments]
    return subprocess.run(command, check=False, cwd=folder, capture_output=True, text=True, timeout=60)


def test_the_operators_configurations_fit_the_certificates_that_they_make(tmp_path: Path) -> None:
    """After the guide's `builder pki` commands, its three files are without mistakes."""
    commands = re.findall(r"^builder (pki .*)", "\n".join(blocks("operator.md", "sh")), re.MULTILINE)
    assert len(commands) == 4
    for command in commands:
        done = builder(tmp_path, *shlex.split(command), "--pki", "pki")
        assert done.returncode == 0, done.stderr
    (tmp_path / "builder7").rename(tmp_path / "pki-slave")
    files = dict(zip(("master.toml", "repo.toml", "slave.toml"), blocks("operator.md", "toml"), strict=True))
    for name, text in files.items():
        chroots = text.replace("/etc/builder/chroots", ".").replace("/usr/share/builder/mock-configs", ".")
        (tmp_path / name).write_text(chroots)
    done = builder(tmp_path, "check-config", *files)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "definition", [*blocks("first-steps.md", "yaml"), (ROOT / "examples/hello/farm.yaml").read_text()]
)
def test_definitions_that_are_shown_have_no_mistakes(definition: str, tmp_path: Path) -> None:
    """A definition in a guide or an example is one that the farm takes."""
    (tmp_path / "farm.yaml").write_text(definition.replace("@CHROOT@", "fedora-43-x86_64").replace("@GIT@", "/git"))
    done = builder(tmp_path, "check-config", "farm.yaml")
    assert (done.returncode, done.stderr) == (0, "")


def test_every_command_that_is_shown_exists() -> None:
    """Each `builder …` of the guides is a command that explains itself."""
    text = "\n".join(block for guide in ("first-steps.md", "operator.md") for block in blocks(guide, "sh"))
    commands = set(re.findall(r"^builder ([a-z-]+)", text, re.MULTILINE))
    assert commands >= {"build", "watch", "log", "cancel", "pki", "slave", "up"}
    for command in commands:
        assert builder(ROOT, command, "--help").returncode == 0


@pytest.mark.parametrize("page", ["README.md", *(f"docs/guides/{guide.name}" for guide in GUIDES.glob("*.md"))])
def test_links_lead_somewhere(page: str) -> None:
    """Every relative link of the README and the guides names a file that is there."""
    place = ROOT / page
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", place.read_text())
    assert [link for link in links if not (place.parent / link).exists()] == []
