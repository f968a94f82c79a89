"""The commands to install what a build has published. Pure."""

import shlex
from collections.abc import Iterable

from builder import nevra
from builder.model import Value
from builder.model.build import Build
from builder.model.job import Job
from builder.repo import layout

_DEBUG = ("-debuginfo", "-debugsource")


class Install(Value, frozen=True, kw_only=True):
    """The commands for one distribution version."""

    distribution: str
    commands: tuple[str, ...]


def installs(build: Build, stage: str, origin: str) -> tuple[Install, ...]:
    """Return the commands for each distribution version that the build was published for, in the order of its jobs."""
    names: dict[str, set[str]] = {}
    for job in build.jobs:
        if job.published:
            distribution, _ = layout.split(job.name)
            names.setdefault(distribution, set()).update(_installable(job))
    return tuple(
        Install(distribution=distribution, commands=_commands(build.project, stage, distribution, packages, origin))
        for distribution, packages in names.items()
        if packages
    )


def _installable(job: Job) -> Iterable[str]:
    """Yield the names of the packages that people install, rather than debug or build from."""
    for text in job.published:
        package = nevra.parse(text)
        if package.architecture != "src" and not package.name.endswith(_DEBUG):
            yield package.name


def _commands(project: str, stage: str, distribution: str, packages: set[str], origin: str) -> tuple[str, ...]:
    name = f"{project}-{stage}.repo"
    address = f"{origin}/repos/{project}/{stage}/{distribution}/{name}"
    return (
        shlex.join(["curl", "-fo", f"/etc/yum.repos.d/{name}", address]),
        shlex.join(["dnf", "install", *sorted(packages)]),
    )
