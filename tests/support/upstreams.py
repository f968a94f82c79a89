"""Upstream repositories with submodules and with specs of their own, and source jobs over them."""

import secrets
from pathlib import Path

from builder.model.attempt import Outcome
from builder.model.options import Options
from builder.model.package import GitSource, Packaging, Style
from builder.model.work import SourceWork
from tests.support.attempts import RealAttempt
from tests.support.orders import order
from tests.support.packages import git

SPEC = """\
Name: {name}
Version: 1.0
Release: %{{?_checkout}}%{{!?_checkout:1}}%{{?dist}}
Summary: A package for a test
License: MIT
BuildArch: noarch
Source0: %{{name}}-%{{version}}.tar{suffix}
{preamble}
%description
Made for a test.

%prep
%autosetup -p1

%files
{files}"""


def repository(folder: Path, files: dict[str, str]) -> Path:
    """A git repository with one commit of these files."""
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    return commit(folder, files)


def commit(folder: Path, files: dict[str, str]) -> Path:
    """One more commit in a repository."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    git(folder, "add", ".")
    git(folder, "commit", "-q", "--allow-empty", "-m", f"Change {', '.join(files)}")
    return folder


def head(folder: Path) -> str:
    """The newest commit of a repository."""
    return git(folder, "rev-parse", "HEAD").strip()


def add_submodule(folder: Path, path: str, url: str, recorded: str) -> None:
    """A commit that records a submodule, as `git submodule add` would make it, wherever its URL leads."""
    git(folder, "config", "--file", ".gitmodules", f"submodule.{path}.path", path)
    git(folder, "config", "--file", ".gitmodules", f"submodule.{path}.url", url)
    git(folder, "add", ".gitmodules")
    git(folder, "update-index", "--add", "--cacheinfo", f"160000,{recorded},{path}")
    git(folder, "commit", "-q", "-m", f"Add {path}")


def spec(name: str = "one", suffix: str = ".gz", preamble: str = "", files: str = "") -> str:
    """A spec whose first source is made from a commit."""
    return SPEC.format(name=name, suffix=suffix, preamble=preamble, files=files)


def ci_work(
    upstream: GitSource, packaging: Packaging, *, options: Options | None = None, chosen: str | None = None
) -> SourceWork:
    """Make the SRPM of an upstream commit."""
    return SourceWork(
        project="farm",
        package="one",
        style=Style.CI,
        packaging=packaging,
        upstream=upstream,
        build=17,
        options=options or Options(),
        chosen=chosen,
    )


def carried_out(state: Path, work: SourceWork) -> tuple[RealAttempt, Outcome]:
    """An attempt that has ended, and how: as its folder says it, which is what the slave will read."""
    attempt = RealAttempt(state, order(work, attempt=secrets.token_hex(16)))
    attempt.carry_out()
    outcome = attempt.folder.outcome()
    assert outcome
    return attempt, outcome
