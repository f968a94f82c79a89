"""What went into two jobs, for tests that only carry it about."""

from builder.model.artifact import Artifact, ArtifactKind
from builder.model.attempt import Commit
from builder.model.inputs import (
    ChrootInputs,
    Program,
    RootPackage,
    SourceFile,
    SourceInputs,
    UsedRepository,
)

GIT = "https://git.example.org/hello-rpm.git"
SOURCE_INPUTS = SourceInputs(
    commits=(Commit(git=GIT, ref="main", commit="a" * 40, date="2026-11-18T00:00:00Z"),),
    spec=SourceFile(name="hello.spec", size=700, sha256="1" * 64, url=GIT),
    files=(
        SourceFile(name="hello-1.0.tar.gz", size=70_000, sha256="2" * 64, url="https://example.org/hello-1.0.tar.gz"),
        SourceFile(name="hello-fix.patch", size=300, sha256="3" * 64, url=GIT),
    ),
    programs=(Program(name="rpm", version="4.18.0"),),
    macros={"_with_tests": "--with-tests"},
)
CHROOT_INPUTS = ChrootInputs(
    srpm=Artifact(name="hello-1.0-1.src.rpm", kind=ArtifactKind.SRPM, size=80_000, sha256="4" * 64),
    dist=".fc43",
    network=False,
    executor="mock",
    programs=(Program(name="mock", version="6.7"),),
    macros={},
    chroot="5" * 64,
    repositories=(UsedRepository(name="fedora", url="https://example.org/fedora", priority=99),),
    packages=(
        RootPackage(
            name="bash", version="5.2", release="1.fc43", arch="x86_64", sha256header="6" * 64, repository="fedora"
        ),
        RootPackage(name="gcc", epoch="2", version="15.1", release="1.fc43", arch="x86_64", sigmd5="7" * 32),
    ),
)
