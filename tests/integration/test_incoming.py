"""Fifty lies of a slave: each is set aside with a reason that names it, and nothing of it is published."""

import hashlib
import os
import shutil
import socket
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from builder.model.artifact import Artifact, ArtifactKind, Listing
from builder.model.operation import NumberedOperation
from builder.repo.headers import read_apart
from builder.repo.operations import Operations
from builder.state import StateFolder
from builder.wire import Applied, Rejected
from tests.support.repositories import names, packages
from tests.support.rpms import artifact_of, deliver, order_of, rpms, write_listing

Lie = Callable[[Path, tuple[Artifact, ...]], None]
"""Changes what was delivered in a folder with true artifacts."""

RPM = "hello-1.0-1.noarch.rpm"


def _outcome(state: Path, lie: Lie) -> Applied | Rejected:
    operations = Operations(StateFolder(state), lambda: 0.0, read_apart)
    operations.recover()
    order = order_of(1, evr="1.0-1")
    folder = deliver(state, order, rpms("hello"))
    lie(folder, tuple(artifact_of(file) for file in rpms("hello")))
    return operations.carry_out([NumberedOperation(number=1, operation=order)])[0]


def _relisted(**changes: object) -> Lie:
    """The listing says something else of the binary package."""

    def lie(folder: Path, artifacts: tuple[Artifact, ...]) -> None:
        write_listing(folder, (msgspec.structs.replace(artifacts[0], **changes), *artifacts[1:]))

    return lie


def _renamed(folder: Path, artifacts: tuple[Artifact, ...]) -> None:
    (folder / RPM).rename(folder / "other-1.0-1.noarch.rpm")
    _relisted(name="other-1.0-1.noarch.rpm")(folder, artifacts)


def _exchanged(content: bytes) -> Lie:
    """The file has other content, of which the listing tells the truth."""

    def lie(folder: Path, artifacts: tuple[Artifact, ...]) -> None:
        (folder / RPM).write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        changed = msgspec.structs.replace(artifacts[0], size=len(content), sha256=digest)
        write_listing(folder, (changed, *artifacts[1:]))

    return lie


def _half(folder: Path, artifacts: tuple[Artifact, ...]) -> None:
    _exchanged((folder / RPM).read_bytes()[:600])(folder, artifacts)


def _flipped(folder: Path, _: tuple[Artifact, ...]) -> None:
    content = bytearray((folder / RPM).read_bytes())
    content[-1] ^= 1
    (folder / RPM).write_bytes(content)


def _longer(folder: Path, _: tuple[Artifact, ...]) -> None:
    with (folder / RPM).open("ab") as file:
        file.write(b"x")


def _symlink(folder: Path, _: tuple[Artifact, ...]) -> None:
    (folder / RPM).rename(folder.parent / RPM)
    (folder / RPM).symlink_to(folder.parent / RPM)


def _fifo(folder: Path, _: tuple[Artifact, ...]) -> None:
    (folder / RPM).unlink()
    os.mkfifo(folder / RPM)


def _folder(folder: Path, _: tuple[Artifact, ...]) -> None:
    (folder / RPM).unlink()
    (folder / RPM).mkdir()


def _listing_of(content: bytes) -> Lie:
    def lie(folder: Path, _: tuple[Artifact, ...]) -> None:
        (folder / "listing.json").write_bytes(content)

    return lie


def _linked_listing(folder: Path, _: tuple[Artifact, ...]) -> None:
    shutil.move(folder / "listing.json", folder.parent)
    (folder / "listing.json").symlink_to(folder.parent / "listing.json")


def _other_source(folder: Path, artifacts: tuple[Artifact, ...]) -> None:
    stranger = rpms("stranger")[0]
    shutil.copy(stranger, folder)
    write_listing(folder, (*artifacts, artifact_of(stranger)))


def _of(name: str, version: str = "1.0", *, source: bool = True) -> Lie:
    """A whole and true delivery of something else."""

    def lie(folder: Path, _: tuple[Artifact, ...]) -> None:
        for path in folder.iterdir():
            path.unlink()
        made = [file for file in rpms(name, version) if source or not file.name.endswith(".src.rpm")]
        for file in made:
            shutil.copy(file, folder)
        write_listing(folder, tuple(artifact_of(file) for file in made))

    return lie


def _two_sources(folder: Path, artifacts: tuple[Artifact, ...]) -> None:
    stranger = rpms("stranger")[1]
    shutil.copy(stranger, folder)
    write_listing(folder, (*artifacts, artifact_of(stranger)))


def _extra(folder: Path, _: tuple[Artifact, ...]) -> None:
    shutil.copy(rpms("stranger")[0], folder)


def _special(make: Callable[[Path], object]) -> Lie:
    """What is not made of bytes stands where the file should."""

    def lie(folder: Path, _: tuple[Artifact, ...]) -> None:
        (folder / RPM).unlink()
        try:
            make(folder / RPM)
        except PermissionError:
            pytest.skip("only root, and not in every container, may make a device")

    return lie


def _device(path: Path) -> None:
    os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        short = f"{tempfile.gettempdir()}/builder-{os.getpid()}"  # the path of a socket has room for 108 bytes
        listening.bind(short)
    shutil.move(short, path)


def _others_listing(folder: Path, _: tuple[Artifact, ...]) -> None:
    write_listing(folder, tuple(artifact_of(file) for file in rpms("stranger")))


def _swapped(folder: Path, artifacts: tuple[Artifact, ...]) -> None:
    """Each of the two files is listed with the other's name."""
    binary, source = artifacts
    names = {"name": source.name, "nevra": source.nevra}, {"name": binary.name, "nevra": binary.nevra}
    (folder / binary.name).rename(folder / "both")
    (folder / source.name).rename(folder / binary.name)
    (folder / "both").rename(folder / source.name)
    write_listing(folder, (msgspec.structs.replace(binary, **names[0]), msgspec.structs.replace(source, **names[1])))


def _source_as_binary(folder: Path, artifacts: tuple[Artifact, ...]) -> None:
    write_listing(folder, (artifacts[0], msgspec.structs.replace(artifacts[1], kind=ArtifactKind.RPM)))


def _cut(folder: Path, artifacts: tuple[Artifact, ...]) -> None:
    """The header is whole, the payload is not."""
    _exchanged((folder / RPM).read_bytes()[:-100])(folder, artifacts)


def _lengthened(folder: Path, artifacts: tuple[Artifact, ...]) -> None:
    _exchanged((folder / RPM).read_bytes() + b"x")(folder, artifacts)


def _patched(old: bytes, new: bytes) -> Lie:
    """The first words `old` in the binary package are others now, of which the listing tells the truth."""

    def lie(folder: Path, artifacts: tuple[Artifact, ...]) -> None:
        content = (folder / RPM).read_bytes()
        assert old in content
        _exchanged(content.replace(old, new, 1))(folder, artifacts)

    return lie


def _mixed(binary: dict[str, Any], source: dict[str, Any] | None = None) -> Lie:
    """Binary packages of one spec with the SRPM of another one of the same name and version; the listing is true."""

    def lie(folder: Path, _: tuple[Artifact, ...]) -> None:
        for path in folder.iterdir():
            path.unlink()
        made = (*rpms("hello", **binary)[:-1], rpms("hello", **source or {})[-1])
        for file in made:
            shutil.copy(file, folder)
        write_listing(folder, tuple(artifact_of(file) for file in made))

    return lie


def _unprintable(folder: Path, _: tuple[Artifact, ...]) -> None:
    (folder / os.fsdecode(b"\x1b[2J\xff.rpm")).touch()


def _twice(folder: Path, artifacts: tuple[Artifact, ...]) -> None:
    write_listing(folder, (*artifacts, artifacts[0]))


def _only_a_log(folder: Path, artifacts: tuple[Artifact, ...]) -> None:
    for artifact in artifacts:
        (folder / artifact.name).unlink()
    write_listing(folder, ())


LIES: dict[str, tuple[Lie, str]] = {
    "no listing": (lambda folder, _: (folder / "listing.json").unlink(), "there is no listing.json"),
    "a listing elsewhere": (_linked_listing, "there is no listing.json"),
    "no JSON": (_listing_of(b"\xff{"), "listing.json cannot be read"),
    "a path for a name": (_relisted(name="../../../../pool/x.rpm"), "listing.json cannot be read"),
    "a listing of another format": (_listing_of(b'{"format": 2, "attempt": "", "artifacts": []}'), "listing.json"),
    "a huge listing": (_listing_of(b" " * (5 << 20)), "listing.json has more than"),
    "a missing file": (lambda folder, _: (folder / RPM).unlink(), f"{RPM} is listed, but was not delivered"),
    "an extra file": (_extra, "stranger-1.0-1.noarch.rpm was delivered, but is not listed"),
    "an extra file with a vile name": (_unprintable, "?[2J?.rpm was delivered, but is not listed"),
    "a file listed twice": (_twice, "names a file twice"),
    "a symbolic link": (_symlink, f"{RPM} is no plain file"),
    "a pipe": (_fifo, f"{RPM} is no plain file"),
    "a folder": (_folder, f"{RPM} is no plain file"),
    "another size": (_longer, f"{RPM} has"),
    "another content": (_flipped, f"the content of {RPM} is not what its digest"),
    "another digest": (_relisted(sha256="0" * 64), f"the content of {RPM} is not what its digest"),
    "another version": (_relisted(nevra="hello-2.0-1.noarch"), "its header says hello-1.0-1.noarch"),
    "another name": (_relisted(nevra="bash-1.0-1.noarch"), "its header says hello-1.0-1.noarch"),
    "another epoch": (_relisted(nevra="hello-1:1.0-1.noarch"), "its header says hello-1.0-1.noarch"),
    "another architecture": (_relisted(nevra="hello-1.0-1.x86_64"), "its header says hello-1.0-1.noarch"),
    "no NEVRA": (_relisted(nevra=None), "its header says hello-1.0-1.noarch"),
    "what is no NEVRA": (_relisted(nevra="hello"), "'hello' is no NEVRA"),
    "another file name": (_renamed, f"it must be called {RPM}"),
    "a binary listed as source": (_relisted(kind=ArtifactKind.SRPM), "is listed as srpm, but its header"),
    "text instead of an RPM": (_exchanged(b"#!/bin/sh\n"), f"{RPM} is no RPM"),
    "an empty file": (_exchanged(b""), f"{RPM} is no RPM"),
    "half an RPM's header": (_half, f"{RPM} is no RPM"),
    "a package of another source": (
        _other_source,
        "stranger-1.0-1.noarch.rpm comes from stranger-1.0-1.src.rpm, not from",
    ),
    "another package": (_of("glibc"), "glibc-1.0-1.src.rpm was delivered, but hello-1.0-1.src.rpm was to be built"),
    "another version than it said": (
        _of("hello", "99"),
        "has the version 99-1, but the slave said that it built 1.0-1",
    ),
    "no source": (_of("hello", source=False), "the listing names 0 source packages"),
    "two sources": (_two_sources, "the listing names 2 source packages"),
    "a hidden file's name": (_relisted(name=".hello.rpm"), "listing.json cannot be read"),
    "two dots for a name": (_relisted(name=".."), "listing.json cannot be read"),
    "an absolute name": (_relisted(name="/etc/passwd"), "listing.json cannot be read"),
    "a device": (_special(_device), f"{RPM} is no plain file"),
    "a socket": (_special(_socket), f"{RPM} is no plain file"),
    "the listing of another attempt": (_others_listing, "stranger-1.0-1.noarch.rpm is listed, but was not delivered"),
    "a size below zero": (_relisted(size=-1), "listing.json cannot be read"),
    "source and binary swapped": (_swapped, "hello-1.0-1.src.rpm is listed as hello-1.0-1.src, but its header says"),
    "a source listed as binary": (_source_as_binary, "hello-1.0-1.src.rpm is listed as rpm, but its header says"),
    "half an RPM's payload": (_cut, f"{RPM} is no RPM: its payload is not what its digest says"),
    "more behind an RPM": (_lengthened, f"{RPM} is no RPM: its payload is not what its digest says"),
    "a forged header": (
        _patched(b"A package for tests", b"A package for you!!"),
        f"{RPM} is no RPM: its header is not",
    ),
    "another release": (_relisted(nevra="hello-1.0-2.noarch"), "its header says hello-1.0-1.noarch"),
    "a package that the spec has not": (
        _mixed({"subpackages": ("evil",)}),
        "hello-evil-1.0-1.noarch.rpm cannot be made from hello-1.0-1.src.rpm: its spec has no package hello-evil-1.0-1",
    ),
    "a package of another epoch than the spec's": (
        _mixed({"epoch": 5}),
        f"{RPM} cannot be made from hello-1.0-1.src.rpm: its spec has no package hello-5:1.0-1",
    ),
    "a package of another version than the spec's": (
        _mixed({"subpackages": ("data",), "subhead": ("Version: 99",)}, {"subpackages": ("data",)}),
        "hello-data-99-1.noarch.rpm cannot be made from hello-1.0-1.src.rpm: its spec has no package hello-data-99-1",
    ),
    "a package of another release than the spec's": (
        _mixed({"subpackages": ("data",), "subhead": ("Release: 99",)}, {"subpackages": ("data",)}),
        "hello-data-1.0-99.noarch.rpm cannot be made from hello-1.0-1.src.rpm: its spec has no package hello-data-1.0",
    ),
    "a package for a machine, of a spec for none": (
        _mixed({"arch": "x86_64"}),
        "hello-1.0-1.x86_64.rpm cannot be made from hello-1.0-1.src.rpm: its spec says BuildArch: noarch",
    ),
    "a package for a machine that the spec does not name": (
        _mixed({"arch": "x86_64"}, {"arch": "aarch64", "head": ("ExclusiveArch: aarch64 s390x",)}),
        "hello-1.0-1.x86_64.rpm cannot be made from hello-1.0-1.src.rpm: its spec says ExclusiveArch: aarch64 s390x",
    ),
    "a package for a machine that the spec excludes": (
        _mixed({"arch": "x86_64"}, {"arch": "aarch64", "head": ("ExcludeArch: x86_64",)}),
        "hello-1.0-1.x86_64.rpm cannot be made from hello-1.0-1.src.rpm: its spec says ExcludeArch: x86_64",
    ),
    "a package for another machine than the chroot's": (
        _mixed({"arch": "aarch64"}, {"arch": "aarch64"}),
        "hello-1.0-1.aarch64 does not belong into hello/testing/fedora-43/x86_64",
    ),
    "no package at all": (_only_a_log, "the listing names no package"),
}


@pytest.mark.parametrize(("lie", "reason"), LIES.values(), ids=LIES.keys())
def test_a_lie_is_set_aside(tmp_path: Path, lie: Lie, reason: str) -> None:
    """The reason says what is wrong with which file; what was delivered is kept, and nothing of it is published."""
    answer = _outcome(tmp_path, lie)
    assert isinstance(answer, Rejected)
    assert reason in answer.reason
    assert (tmp_path / "rejected/1-1-fedora-43-x86_64-1/files").is_dir()
    assert not (tmp_path / "incoming/1/fedora-43-x86_64/1").exists()
    assert not list((tmp_path / "repos").iterdir())
    assert not list((tmp_path / "pool").iterdir())
    assert not list((tmp_path / "staging").iterdir())


def test_there_are_as_many_lies_as_promised() -> None:
    """None is lost when the table is edited."""
    assert len(LIES) >= 50


def test_a_known_name_with_other_bytes_is_set_aside(tmp_path: Path) -> None:
    """The lie that only shows in what is there already: nothing of it is published, what was there stays."""
    operations = Operations(StateFolder(tmp_path), lambda: 0.0, read_apart)
    operations.recover()
    for number, content in enumerate(("text", "other text"), 1):
        deliver(tmp_path, order_of(number), rpms("hello", content=content))
    first, second = (
        operations.carry_out([NumberedOperation(number=number, operation=order_of(number))])[0] for number in (1, 2)
    )
    assert isinstance(first, Applied)
    assert isinstance(second, Rejected)
    assert "hello-1.0-1.noarch is already in hello/testing/fedora-43/x86_64 with other content" in second.reason
    assert (tmp_path / "rejected/2-2-fedora-43-x86_64-1/files" / RPM).is_file()
    tree = tmp_path / "repos/hello/testing/fedora-43/x86_64"
    assert packages(tree)["hello-0:1.0-1.noarch"].pkgId == artifact_of(rpms("hello", content="text")[0]).sha256


def test_the_truth_is_published(tmp_path: Path) -> None:
    """The same delivery without a lie is published, so that it is the lies that are refused."""
    assert isinstance(_outcome(tmp_path, lambda *_: None), Applied)


@pytest.mark.parametrize(
    "spec",
    [
        {"subpackages": ("data",), "subhead": ("Version: 99", "Epoch: 3", "Release: 7")},
        {"arch": "x86_64", "subpackages": ("data",), "subhead": ("BuildArch: noarch",)},
        {"arch": "x86_64", "head": ("ExclusiveArch: x86_64 s390x", "ExcludeArch: i686")},
    ],
    ids=["a subpackage with a version of its own", "a noarch subpackage", "a spec for some machines"],
)
def test_the_unusual_truth_is_published(tmp_path: Path, spec: dict[str, Any]) -> None:
    """What a spec can produce is not taken for a lie."""
    answer = _outcome(tmp_path, _mixed(spec, spec))
    assert isinstance(answer, Applied), answer


def test_a_log_may_be_delivered_too(tmp_path: Path) -> None:
    """Files that are no packages are checked like all others and published nowhere."""

    def with_log(folder: Path, artifacts: tuple[Artifact, ...]) -> None:
        (folder / "build.log").write_bytes(b"")
        empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        log = Artifact(name="build.log", kind=ArtifactKind.LOG, size=0, sha256=empty)
        write_listing(folder, (*artifacts, log))

    assert isinstance(_outcome(tmp_path, with_log), Applied)
    assert not list(tmp_path.rglob("build.log"))


@pytest.mark.parametrize("byte", range(0, 1200, 60))
def test_a_mutated_header_harms_nothing(tmp_path: Path, byte: int) -> None:
    """Whatever one byte does to a header, the child that reads it answers for it or dies for it."""
    content = bytearray(rpms("hello")[0].read_bytes())
    content[byte] ^= 0xFF
    answer = _outcome(tmp_path, _exchanged(bytes(content)))
    if isinstance(answer, Applied):
        assert names(tmp_path / "repos" / answer.generations[0].repository) == ["hello-1.0-1.noarch"]
    else:
        assert RPM in answer.reason


def test_the_listing_is_what_the_slave_writes(tmp_path: Path) -> None:
    """The format of the listing is the shared one."""
    folder = deliver(tmp_path, order_of(1), rpms("hello"))
    listing = msgspec.json.decode((folder / "listing.json").read_bytes(), type=Listing)
    assert [artifact.kind for artifact in listing.artifacts] == [ArtifactKind.RPM, ArtifactKind.SRPM]
