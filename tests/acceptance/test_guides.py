"""What the guides tell people to type and to write is right."""

import re
import shlex
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from builder.cli.main import COMMANDS, parse
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
    (tmp_path / "none").mkdir()
    (tmp_path / "builder7").rename(tmp_path / "pki-slave")
    files = dict(zip(("master.toml", "repo.toml", "slave.toml"), blocks("operator.md", "toml"), strict=True))
    for name, text in files.items():
        here = text.replace("/etc/builder/chroots", "none").replace("/opt/builder/share/builder/mock-configs", "none")
        (tmp_path / name).write_text(here)
    done = builder(tmp_path, "check-config", *files)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "definition",
    [
        *blocks("first-steps.md", "yaml"),
        *blocks("packages.md", "yaml"),
        (ROOT / "examples/hello/farm.yaml").read_text(),
    ],
)
def test_definitions_that_are_shown_have_no_mistakes(definition: str, tmp_path: Path) -> None:
    """A definition in a guide or an example is one that the farm takes."""
    (tmp_path / "farm.yaml").write_text(definition.replace("@CHROOT@", "fedora-43-x86_64").replace("@GIT@", "/git"))
    done = builder(tmp_path, "check-config", "farm.yaml")
    assert (done.returncode, done.stderr) == (0, "")


PAGES = ["README.md", *(f"docs/guides/{guide.name}" for guide in sorted(GUIDES.glob("*.md")))]
NUMBERS = dict.fromkeys(("A", "B", "D", "GENERATION", "N", "OPERATION"), "17")
PLACEHOLDERS = {**NUMBERS, "HOST:PORT": "127.0.0.1:8441", "REPO": "hello/testing/fedora-43/x86_64"}


def shown(page: str) -> list[str]:
    """What a page shows of the command `builder`: lines of its blocks for the shell, and words in its text."""
    text = (ROOT / page).read_text()
    lines = re.findall(r"^builder (.*)", "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL)), re.MULTILINE)
    return lines + re.findall(r"`builder ([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


def typed(text: str) -> list[str]:
    """The arguments of a command as somebody types it who leaves out nothing that is optional."""
    words = shlex.split(re.sub(r"[][…]", "", text), comments=True)
    return [PLACEHOLDERS.get(word, word) for word in words]


@pytest.mark.parametrize(("page", "text"), [(page, text) for page in PAGES for text in shown(page)])
def test_a_command_that_is_shown_is_one(page: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each `builder …` with its options is taken as it is shown; where words alone are named, they have help."""
    words = typed(text)
    named_alone = all(re.fullmatch(r"[a-z-]+", word) and word[0] != "-" for word in words)
    with suppress(SystemExit):
        parse([*words, "--help"] if named_alone else words)
    assert capsys.readouterr().err == "", page


def test_every_command_is_in_the_guide() -> None:
    """The page of the command line leaves out no noun."""
    assert {text.split()[0] for text in shown("docs/guides/command-line.md")} >= set(COMMANDS)


def test_an_installation_brings_what_the_guides_name(tmp_path: Path) -> None:
    """Definitions of chroots, units, users and folders are in the virtual environment."""
    setup = "import setuptools; setuptools.setup()"
    install = [sys.executable, "-c", setup, "install_data", "--install-dir", str(tmp_path)]
    subprocess.run(install, check=True, cwd=ROOT, capture_output=True, timeout=60)
    named = set(re.findall(r"/opt/builder/(share/[\w/.-]+)", (GUIDES / "operator.md").read_text()))
    assert len(named) == 2
    for folder in named:
        there = {path.name for path in (tmp_path / folder).iterdir()}
        assert there == {path.name for path in (ROOT / Path(folder).name).iterdir() if path.suffix != ".md"}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    """Every relative link of the README and the guides names a file that is there."""
    place = ROOT / page
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", place.read_text())
    assert [link for link in links if not (place.parent / link).exists()] == []
