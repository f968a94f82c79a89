"""Packages that need no upstream: one spec in a git repository, made to do what a test wants to see."""

import os
import subprocess
from pathlib import Path

SPEC = """\
Name: {name}
Version: {version}
Release: 1%{{?dist}}
Summary: A package for a test
License: MIT
BuildArch: {arch}
{requires}{needs}
%description
Made for a test.

%build
{build}

%install
mkdir -p %{{buildroot}}/usr/share/{name}
{install}

%check
{check}

%files
/usr/share/{name}
"""


def git(folder: Path, *arguments: str) -> str:
    """The output of git in `folder`, with an identity and dates that are no machine's."""
    environment = {
        **os.environ,
        "GIT_AUTHOR_NAME": "Packager",
        "GIT_AUTHOR_EMAIL": "packager@example.org",
        "GIT_COMMITTER_NAME": "Packager",
        "GIT_COMMITTER_EMAIL": "packager@example.org",
        "GIT_CONFIG_GLOBAL": "/dev/null",
    }
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


def packaging(
    folder: Path,
    name: str,
    *,
    version: str = "1.0",
    arch: str = "noarch",
    build: str = "true",
    install: str = "",
    check: str = "true",
    requires: tuple[str, ...] = (),
    needs: tuple[str, ...] = (),
) -> str:
    """The URL of a packaging repository below `folder` with one spec, committed anew when it is called again.

    `requires` is for the build, `needs` for whoever installs the package.
    """
    repository = folder / name
    if not repository.exists():
        repository.mkdir(parents=True)
        git(repository, "init", "-q", "-b", "main")
    lines = "".join(f"BuildRequires: {requirement}\n" for requirement in requires)
    need_lines = "".join(f"Requires: {need}\n" for need in needs)
    payload = install or f"echo {name} > %{{buildroot}}/usr/share/{name}/text"
    spec = SPEC.format(
        name=name,
        version=version,
        arch=arch,
        build=build,
        install=payload,
        check=check,
        requires=lines,
        needs=need_lines,
    )
    (repository / f"{name}.spec").write_text(spec)
    git(repository, "add", ".")
    git(repository, "commit", "-q", "--allow-empty", "-m", f"{name} {version}")
    return f"file://{repository}"


def definition(project: str, packages: dict[str, str], chroot: str = "mini-12-x86_64", **settings: str) -> str:
    """The YAML of a project of release style packages: names with the URLs of their packaging repositories."""
    lines = [f"project: {project}", f"chroots: [{chroot}]", "stages: [testing, stable]"]
    lines += [f"{key}: {value}" for key, value in settings.items()]
    lines.append("packages:")
    for name, url in packages.items():
        lines += [f"  {name}:", "    style: release", f"    packaging: {{git: '{url}', ref: main}}"]
    return "\n".join(lines) + "\n"
