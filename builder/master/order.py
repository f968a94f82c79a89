"""What a slave is told to do, made from what the master knows. Values in, a value out."""

from collections.abc import Mapping

from builder.errors import NotFoundError
from builder.model import Value
from builder.model.artifact import Artifact
from builder.model.attempt import ChrootWork, LastBuilt, Order, SourceFacts, SourceWork
from builder.model.chroot import BaseRepository, Chroot
from builder.model.job import SOURCE
from builder.model.project import Package, Project

OWN_PRIORITY = 50
"""The project's own packages go before those of the distribution (99), and before most external ones."""


class Claimed(Value, frozen=True, kw_only=True):
    """An attempt that has just begun, with all that its order is made from.

    `project` is without its packages; `source`, `srpm` and `last_built` are what a chroot job is about.
    """

    attempt: str
    slave: str
    fence: int
    build: int
    job: str
    project: Project
    name: str
    package: Package
    force: bool
    source: SourceFacts | None = None
    srpm: Artifact | None = None
    last_built: LastBuilt | None = None


def order(claimed: Claimed, chroots: Mapping[str, Chroot], url: str) -> Order:
    """The order for an attempt.

    Args:
        claimed: The attempt.
        chroots: The chroots that the farm knows, by name.
        url: Where the farm's repositories are served from, without path.

    Raises:
        NotFoundError: The chroot, or what the source job made, is not there any more.
    """
    return Order(
        attempt=claimed.attempt,
        fence=claimed.fence,
        build=claimed.build,
        job=claimed.job,
        timeout=claimed.package.timeout,
        timeouts=claimed.package.timeouts,
        silence=claimed.package.silence,
        work=_source_work(claimed) if claimed.job == SOURCE else _chroot_work(claimed, chroots, url),
    )


def _source_work(claimed: Claimed) -> SourceWork:
    return SourceWork(
        project=claimed.project.project,
        package=claimed.name,
        style=claimed.package.style,
        packaging=claimed.package.packaging,
        upstream=claimed.package.upstream,
        build=claimed.build,
    )


def _chroot_work(claimed: Claimed, chroots: Mapping[str, Chroot], url: str) -> ChrootWork:
    chroot = chroots.get(claimed.job)
    if chroot is None:
        raise NotFoundError(
            f"the master has no chroot {claimed.job} any more; put its file back and restart the master"
        )
    if claimed.source is None or claimed.srpm is None:
        raise NotFoundError(f"build {claimed.build} has no SRPM to build in {claimed.job}")
    return ChrootWork(
        project=claimed.project.project,
        package=claimed.name,
        style=claimed.package.style,
        chroot=chroot,
        repositories=(_own(claimed.project, chroot, url), *claimed.project.external),
        network=claimed.project.network,
        srpm=claimed.srpm,
        inputs=claimed.source.inputs,
        force=claimed.force,
        last_built=claimed.last_built,
    )


def _own(project: Project, chroot: Chroot, url: str) -> BaseRepository:
    """The project's repository for a chroot, at the stage to which builds are published."""
    folder = f"{project.project}/{project.first_stage}/{chroot.distribution}-{chroot.version}/{chroot.architecture}"
    name = f"{project.project}-{project.first_stage}"
    return BaseRepository(name=name, url=f"{url.rstrip('/')}/repos/{folder}/", priority=OWN_PRIORITY)
