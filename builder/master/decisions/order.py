"""The order to a slave, made from what the master knows. Values in, a value out."""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

import msgspec

from builder import nevra
from builder.errors import ConflictError, NotFoundError
from builder.master.decisions import secret_needs
from builder.model import Value
from builder.model.artifact import Artifact
from builder.model.attempt import SourceFacts
from builder.model.chroot import BaseRepository, Chroot
from builder.model.job import JobKind
from builder.model.package import Package
from builder.model.project import Project
from builder.model.secret import Sealed, Secret
from builder.model.work import ChrootWork, LastBuilt, SourceWork, WorkOrder

OWN_PRIORITY = 50
"""The priority of the project's own packages: before those of the distribution (99) and most external ones."""


class Claimed(Value, frozen=True, kw_only=True):
    """An attempt that has just begun, with all facts of the store that its order is made from.

    `project` has this package alone, and `targets` are the chroots whose repositories get the result. `source`,
    `srpm` and `last_built` are for a chroot job, `secrets` for a source job.
    """

    attempt: str
    slave: str
    fence: int
    build: int
    job: str
    kind: JobKind
    targets: tuple[str, ...] = ()
    project: Project
    name: str
    package_id: int
    package: Package
    force: bool
    source: SourceFacts | None = None
    srpm: Artifact | None = None
    secrets: tuple[Sealed, ...] = ()
    last_built: LastBuilt | None = None


class Supplies(NamedTuple):
    """Supplies from which orders are made beside the facts of the store.

    Attributes:
        chroots: The chroots that the farm knows, by name.
        url: The address of the farm's repositories, without path.
        opened: Opens a secret of a project.
    """

    chroots: Mapping[str, Chroot]
    url: str
    opened: Callable[[str, Sealed], Secret]


class Built(NamedTuple):
    """The version of a package that a build has made, or has the repository builder publish, and its chroots."""

    evr: str
    serial: int
    inputs: str
    chroots: frozenset[str]


def last_built(built: Sequence[Built], inputs: str, chroots: Collection[str], *, force: bool) -> LastBuilt | None:
    """Return the facts on `built`, the latest first, by which the gate decides about these inputs for these chroots."""
    # Of equal EVRs the latest counts: forced rebuilds of sources without changes differ in nothing but that.
    highest = max(built, key=lambda one: nevra.newest_last(one.evr), default=None)
    if highest is None:
        return None
    alike = (one.evr for one in built if one.inputs == inputs != highest.inputs)
    return LastBuilt(
        evr=highest.evr,
        inputs=highest.inputs,
        serial=highest.serial,
        everywhere=highest.chroots.issuperset(chroots),
        same=max(alike, key=nevra.newest_last, default=None),
        taken=tuple(dict.fromkeys(one.evr for one in built)) if force else (),
    )


def order(claimed: Claimed, work: SourceWork | ChrootWork) -> WorkOrder:
    """Return the order for an attempt to do this work."""
    return WorkOrder(
        attempt=claimed.attempt,
        fence=claimed.fence,
        build=claimed.build,
        job=claimed.job,
        kind=claimed.kind,
        timeout=claimed.package.timeout,
        timeouts=claimed.package.timeouts,
        silence=claimed.package.silence,
        work=work,
    )


def source_work(claimed: Claimed, opened: Callable[[str, Sealed], Secret]) -> SourceWork:
    """Return the work of a source job; `opened` opens a secret of a project.

    Raises:
        ConflictError: A secret that it needs is not there any more, or does not open.
    """
    project, kinds = claimed.project.project, {secret.name: secret.kind for secret in claimed.secrets}
    for mistake in secret_needs.mistakes(project, claimed.name, claimed.package, kinds):
        raise ConflictError(mistake)
    return SourceWork(
        project=project,
        package=claimed.name,
        style=claimed.package.style,
        packaging=claimed.package.packaging,
        upstream=claimed.package.upstream,
        build=claimed.build,
        options=claimed.project.options(claimed.package),
        chosen=_chosen(claimed.project, claimed.package),
        secrets=tuple(opened(project, secret) for secret in claimed.secrets),
    )


def _chosen(project: Project, package: Package) -> str | None:
    """Return a digest of the package's options everywhere, None if it has none."""
    everywhere = {name: project.options(package, name) for name in project.chroots_of(package)}
    if not any(options.defined for options in everywhere.values()):
        return None
    return hashlib.sha256(msgspec.json.encode(everywhere, order="sorted")).hexdigest()


def chroot_work(claimed: Claimed, chroots: Mapping[str, Chroot], url: str) -> ChrootWork:
    """Return the work of a chroot job.

    `chroots` are those that the farm knows, by name, and `url` is the address of its repositories, without path.

    Raises:
        NotFoundError: The chroot, or what the source job made, is not there any more.
    """
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
        rpmlint=claimed.project.rpmlint,
        srpm=claimed.srpm,
        inputs=claimed.source.inputs,
        force=claimed.force,
        last_built=claimed.last_built,
        options=claimed.project.options(claimed.package, chroot.name),
    )


def _own(project: Project, chroot: Chroot, url: str) -> BaseRepository:
    """Return the project's repository for a chroot, at the stage to which builds are published."""
    folder = f"{project.project}/{project.first_stage}/{chroot.distribution}-{chroot.version}/{chroot.architecture}"
    name = f"{project.project}-{project.first_stage}"
    return BaseRepository(name=name, url=f"{url.rstrip('/')}/repos/{folder}/", priority=OWN_PRIORITY)
