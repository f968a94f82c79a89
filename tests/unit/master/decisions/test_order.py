"""What a slave is told to do."""

import msgspec
import pytest

from builder.errors import ConflictError, NotFoundError
from builder.master.decisions.order import Claimed, Supplies
from builder.master.kinds.kind import order
from builder.model.artifact import Artifact, ArtifactKind
from builder.model.attempt import SourceFacts
from builder.model.chroot import BaseRepository, Chroot
from builder.model.job import SOURCE, JobKind
from builder.model.options import ChrootConditions, Options
from builder.model.package import GitSource, Package, Packaging, StepTimeouts, Style
from builder.model.project import Project
from builder.model.secret import Sealed, Secret, SecretKind
from builder.model.work import ChrootWork, LastBuilt, SourceWork, WorkOrder

CHROOT = Chroot(
    distribution="fedora", version="43", architecture="x86_64", dist=".fc43", packages=("bash",), repositories=()
)
EXTERNAL = BaseRepository(name="other", url="https://other.example.org/", priority=90)
PACKAGE = Package(
    style=Style.CI,
    packaging=Packaging(git="https://git.example.org/x-rpm.git", spec="x.spec"),
    upstream=GitSource(git="https://git.example.org/x.git", ref="main"),
    timeout=90,
    timeouts=StepTimeouts(build=60),
    silence=30,
)
SRPM = Artifact(name="x-1-1.src.rpm", kind=ArtifactKind.SRPM, size=1, sha256="2" * 64)
CLAIMED = Claimed(
    attempt="a" * 32,
    slave="a",
    fence=3,
    build=17,
    job=SOURCE,
    kind=JobKind.SOURCE,
    project=Project(project="hello", chroots=(CHROOT.name,), network=True, external=(EXTERNAL,)),
    name="x",
    package_id=1,
    package=PACKAGE,
    force=True,
)
IN_CHROOT = msgspec.structs.replace(
    CLAIMED,
    job=CHROOT.name,
    kind=JobKind.CHROOT,
    targets=(CHROOT.name,),
    source=SourceFacts(evr="1-1", inputs="1" * 64, commits=()),
    srpm=SRPM,
    last_built=LastBuilt(evr="0-1", inputs="3" * 64),
)


def opened(project: str, secret: Sealed) -> Secret:
    """A secret that says where it was opened."""
    return Secret(name=secret.name, kind=secret.kind, value=f"{project}/{secret.sealed.decode()}")


def ordered(claimed: Claimed, *chroots: Chroot) -> WorkOrder:
    """The order on a farm that knows these chroots."""
    supplies = Supplies({chroot.name: chroot for chroot in chroots}, "https://farm.example.org/", opened)
    return order(claimed, supplies)


def test_a_source_job() -> None:
    """It says where the sources are and whose build it is; it needs no chroot."""
    assert ordered(CLAIMED) == WorkOrder(
        attempt="a" * 32,
        fence=3,
        build=17,
        job=SOURCE,
        kind=JobKind.SOURCE,
        timeout=90,
        timeouts=StepTimeouts(build=60),
        silence=30,
        work=SourceWork(
            project="hello",
            package="x",
            style=Style.CI,
            packaging=PACKAGE.packaging,
            upstream=PACKAGE.upstream,
            build=17,
        ),
    )


def test_a_chroot_job() -> None:
    """It says in what it is built, with which repositories besides, from what, and what was built before."""
    own = BaseRepository(
        name="hello-testing",
        url="https://farm.example.org/repos/hello/testing/fedora-43/x86_64/",
        priority=50,
    )
    assert ordered(IN_CHROOT, CHROOT).work == ChrootWork(
        project="hello",
        package="x",
        style=Style.CI,
        chroot=CHROOT,
        repositories=(own, EXTERNAL),
        network=True,
        srpm=SRPM,
        inputs="1" * 64,
        force=True,
        last_built=LastBuilt(evr="0-1", inputs="3" * 64),
    )


def test_what_is_missing_is_named() -> None:
    """A chroot that the master has lost, or a build without SRPM, is told in a sentence."""
    with pytest.raises(NotFoundError, match="no chroot fedora-43-x86_64 any more"):
        ordered(IN_CHROOT)
    with pytest.raises(NotFoundError, match="build 17 has no SRPM"):
        ordered(msgspec.structs.replace(IN_CHROOT, srpm=None), CHROOT)


DEPLOY = Sealed(name="deploy", kind=SecretKind.TOKEN, sealed=b"sealed")
PRIVATE = msgspec.structs.replace(
    CLAIMED,
    package=msgspec.structs.replace(PACKAGE, packaging=msgspec.structs.replace(PACKAGE.packaging, secret="deploy")),
    secrets=(DEPLOY,),
)


def test_a_source_job_has_the_secrets_that_its_package_names() -> None:
    """They are opened for the order."""
    work = ordered(PRIVATE).work
    assert isinstance(work, SourceWork)
    assert work.secrets == (Secret(name="deploy", kind=SecretKind.TOKEN, value="hello/sealed"),)


def test_a_chroot_job_never_has_a_secret() -> None:
    """What is built there is a stranger's; nothing of the order tells one."""
    claimed = msgspec.structs.replace(IN_CHROOT, package=PRIVATE.package, secrets=PRIVATE.secrets)
    assert b"sealed" not in msgspec.msgpack.encode(ordered(claimed, CHROOT))
    assert "secrets" not in ChrootWork.__struct_fields__


@pytest.mark.parametrize(
    ("secrets", "sentence"),
    [
        ((), "the project `hello` has no secret `deploy`, which the packaging of `x` names; `builder secret set hello"),
        ((msgspec.structs.replace(DEPLOY, kind=SecretKind.SSH_KEY),), "is of kind ssh-key, but https takes a token"),
    ],
)
def test_a_secret_that_is_no_use_any_more_is_told(secrets: tuple[Sealed, ...], sentence: str) -> None:
    """It was removed or changed since the build was asked for: there is no order, and it says what to do."""
    with pytest.raises(ConflictError) as caught:
        ordered(msgspec.structs.replace(PRIVATE, secrets=secrets))
    assert sentence in str(caught.value)


def test_options_are_those_of_the_job() -> None:
    """The source job is told what holds everywhere, and a digest of all of them; a chroot job what holds there."""
    package = msgspec.structs.replace(
        PACKAGE, with_=("docs",), in_chroot={CHROOT.name: ChrootConditions(without=("docs",))}
    )
    project = msgspec.structs.replace(CLAIMED.project, macros={"level": "1"})
    source = ordered(msgspec.structs.replace(CLAIMED, project=project, package=package)).work
    assert isinstance(source, SourceWork)
    assert source.options == Options(macros={"level": "1"}, with_=("docs",))
    chroot = ordered(msgspec.structs.replace(IN_CHROOT, project=project, package=package), CHROOT).work
    assert chroot.options == Options(macros={"level": "1"}, without=("docs",))
    other = ordered(msgspec.structs.replace(CLAIMED, package=package)).work
    assert isinstance(other, SourceWork)
    assert source.chosen
    assert other.chosen
    assert source.chosen != other.chosen
