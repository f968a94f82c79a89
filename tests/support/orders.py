"""Orders for tests, with everything that a test does not care about."""

import hashlib

from builder.model.artifact import Artifact, ArtifactKind
from builder.model.chroot import BaseRepository, Chroot
from builder.model.job import SOURCE, JobKind
from builder.model.package import GitSource, Packaging, Style
from builder.model.work import ChrootWork, LastBuilt, SourceWork, WorkOrder

ATTEMPT = "0123456789abcdef" * 2
OTHER_ATTEMPT = "fedcba9876543210" * 2
INPUTS = "1" * 64
CHROOT = Chroot(
    distribution="mini",
    version="12",
    architecture="x86_64",
    dist=".mini12",
    packages=("buildroot",),
    repositories=(BaseRepository(name="mini", url="https://example.org/mini"),),
)
SRPM = b"the bytes of an SRPM" * 10_000


def artifact(name: str, content: bytes, kind: ArtifactKind = ArtifactKind.SRPM) -> Artifact:
    """A file with this content."""
    return Artifact(name=name, kind=kind, size=len(content), sha256=hashlib.sha256(content).hexdigest())


def source_work(
    packaging: str = "https://example.org/hello-rpm.git",
    upstream: str | None = None,
    *,
    ref: str = "main",
    build: int = 17,
) -> SourceWork:
    """Make the SRPM of `hello` from these repositories."""
    return SourceWork(
        project="farm",
        package="hello",
        style=Style.CI if upstream else Style.RELEASE,
        packaging=Packaging(git=packaging, ref=ref),
        upstream=GitSource(git=upstream, ref="main") if upstream else None,
        build=build,
    )


def chroot_work(
    srpm: Artifact | None = None,
    *,
    chroot: Chroot = CHROOT,
    style: Style = Style.RELEASE,
    repositories: tuple[BaseRepository, ...] = (),
    last_built: LastBuilt | None = None,
    force: bool = False,
    network: bool = False,
    rpmlint: bool = False,
    inputs: str = INPUTS,
) -> ChrootWork:
    """Build an SRPM in a chroot."""
    return ChrootWork(
        project="farm",
        package="hello",
        style=style,
        chroot=chroot,
        repositories=repositories,
        network=network,
        rpmlint=rpmlint,
        srpm=srpm or artifact("hello-1.0-1.src.rpm", SRPM),
        inputs=inputs,
        force=force,
        last_built=last_built,
    )


def order(work: SourceWork | ChrootWork, *, attempt: str = ATTEMPT, timeout: int = 300) -> WorkOrder:
    """An order for this work, as build 17."""
    job, kind = (SOURCE, JobKind.SOURCE) if isinstance(work, SourceWork) else (work.chroot.name, JobKind.CHROOT)
    return WorkOrder(attempt=attempt, fence=1, build=17, job=job, kind=kind, timeout=timeout, work=work)
