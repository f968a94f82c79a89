"""Tiny real RPMs, made by rpmbuild in a fraction of a second, and deliveries of them to the repository builder."""

import atexit
import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from builder.model.artifact import LISTING_NAME, Artifact, ArtifactKind, Listing
from builder.model.operation import Publish
from builder.model.project import Retention
from builder.state import StateFolder

_SPEC = """\
%define debug_package %{{nil}}
%define __os_install_post %{{nil}}
Name: {name}
Epoch: {epoch}
Version: {version}
Release: {release}
Summary: A package for tests
License: MIT
URL: https://example.org/{name}
{head}
%description
Made for a test: žluťoučký & <tagged>.
{declared}
%install
mkdir -p %{{buildroot}}/usr/share/{name}
for one in {names}; do
    mkdir %{{buildroot}}/usr/share/{name}/$one
    for number in $(seq {count}); do echo "{content}" > %{{buildroot}}/usr/share/{name}/$one/$number; done
done
for path in {paths}; do mkdir -p %{{buildroot}}$(dirname $path); echo "{content}" > %{{buildroot}}$path; done
%files
/usr/share/{name}/{name}
{paths_listed}
{listed}
%changelog
{changes}
* Tue Jun 02 2026 Tester <tester@example.org> - {version}-{release}
- Made for a test
"""


@functools.cache
def _workshop() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="builder-rpms-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@functools.cache
def rpms(
    name: str,
    version: str = "1.0",
    release: str = "1",
    *,
    arch: str = "noarch",
    epoch: int = 0,
    requires: tuple[str, ...] = (),
    subpackages: tuple[str, ...] = (),
    content: str = "text",
    count: int = 1,
    head: tuple[str, ...] = (),
    subhead: tuple[str, ...] = (),
    paths: tuple[str, ...] = (),
    changes: str = "",
) -> tuple[Path, ...]:
    """The files of one build, binary packages by name and the SRPM last; the same arguments give the same files.

    `subpackages` become `name-sub`; other `content` under the same names makes other bytes. Each package has `count`
    files, `/usr/share/<name>/<package>/1` and so on. `head` and `subhead` are more lines of the spec: of its beginning,
    and of each subpackage; `paths` are more files of the main package, `changes` newer entries of the changelog.
    """
    names = [name, *(f"{name}-{sub}" for sub in subpackages)]
    lines = [f"Requires: {requirement}" for requirement in requires]
    lines += ["BuildArch: noarch"] if arch == "noarch" else []
    spec = _SPEC.format(
        name=name,
        epoch=epoch,
        version=version,
        release=release,
        content=content,
        count=count,
        names=" ".join(names),
        paths=" ".join(paths),
        paths_listed="\n".join(paths),
        changes=changes,
        head="\n".join((*lines, *head)),
        declared="".join(
            "\n".join((f"%package {sub}", f"Summary: {sub}", *subhead, f"%description {sub}", sub, ""))
            for sub in subpackages
        ),
        listed="".join(f"%files {sub}\n/usr/share/{name}/{name}-{sub}\n" for sub in subpackages),
    )
    return _rpmbuild(spec, name, "x86_64" if arch == "noarch" else arch)


def _rpmbuild(spec: str, name: str, target: str) -> tuple[Path, ...]:
    folder = Path(tempfile.mkdtemp(dir=_workshop()))
    file = folder / f"{name}.spec"
    file.write_text(spec, errors="surrogateescape")
    defines = {
        "_topdir": folder,
        "_dbpath": folder / "db",
        "_rpmdir": folder / "made",
        "_srcrpmdir": folder / "made",
        "_rpmfilename": "%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm",
        "_binary_payload": "w1.gzdio",
    }
    command = ["rpmbuild", "-ba", "--quiet", "--nodeps", "--target", target]
    for key, value in defines.items():
        command += ["--define", f"{key} {value}"]
    environment = {**os.environ, "HOME": str(folder), "LC_ALL": "C.UTF-8"}
    done = subprocess.run([*command, file], env=environment, capture_output=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return tuple(sorted((folder / "made").glob("*.rpm"), key=lambda path: (path.name.endswith(".src.rpm"), path.name)))


def nevra_of(file: Path) -> str:
    """`name-[epoch:]version-release.architecture`, as rpm says."""
    shape = "%{NAME}-%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}.%|SOURCEPACKAGE?{src}:{%{ARCH}}|"
    command = ["rpm", "-qp", "--nosignature", "--qf", shape, str(file)]
    text = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    return text.replace("-0:", "-")


@functools.cache
def artifact_of(file: Path) -> Artifact:
    """What a true listing says of a file."""
    content = file.read_bytes()
    source = file.name.endswith(".src.rpm")
    return Artifact(
        name=file.name,
        kind=ArtifactKind.SRPM if source else ArtifactKind.RPM,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        nevra=nevra_of(file),
    )


def order_of(build: int, package: str = "hello", **changes: Any) -> Publish:
    """An order to publish a build of `package`, as the master would give it."""
    order = Publish(
        project="hello",
        stage="testing",
        package=package,
        build=build,
        job="fedora-43-x86_64",
        fence=1,
        chroots=("fedora-43-x86_64",),
        retention=Retention(versions=2, days=0),
        srpm=f"{package}-1.0-1.src.rpm",
    )
    return msgspec.structs.replace(order, **changes)


def deliver(state: Path, order: Publish, files: Iterable[Path]) -> Path:
    """Put `files` with their listing where the master puts what a slave delivered for `order`; returns the folder."""
    folder = StateFolder(state).delivery(order.build, order.job, order.fence)
    folder.mkdir(parents=True)
    artifacts = tuple(artifact_of(file) for file in files)
    for file in files:
        shutil.copy2(file, folder)
    write_listing(folder, artifacts)
    return folder


def write_listing(folder: Path, artifacts: tuple[Artifact, ...]) -> None:
    """Put down a listing that says `artifacts`."""
    listing = Listing(attempt="0" * 32, artifacts=artifacts)
    (folder / LISTING_NAME).write_bytes(msgspec.json.encode(listing))
