"""One spec that packages files which are already in place, rendered for rpmbuild."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class File:
    """A path with the owner and the permissions that it gets where the package is installed."""

    path: str
    mode: int
    user: str = "root"
    group: str = "root"
    kind: str = ""
    """Empty, or `%dir ` or `%ghost `."""

    def line(self) -> str:
        """The path's line in a `%files` section."""
        return f"%attr({self.mode:04o},{self.user},{self.group}) {self.kind}{self.path}"


@dataclass(frozen=True)
class Rpm:
    """One package of the distribution; `post` is the shell script that is run after it is installed."""

    name: str
    version: str
    release: str
    summary: str
    requires: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()
    files: tuple[File, ...] = ()
    libraries: bool = False
    """Whether rpmbuild is to look for the shared objects that it provides, which takes time."""
    post: str = ""


PREAMBLE = """\
# The files are in place: nothing is compiled, stripped, compressed or searched for dependencies.
%global __os_install_post %{nil}
%global debug_package %{nil}
%global _build_id_links none
%global _missing_build_ids_terminate_build 0
%global _binary_payload w3.zstdio
%define _rpmfilename %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm
"""


def spec(first: Rpm, others: Iterable[Rpm]) -> str:
    """The text of a spec that makes all these packages, `first` being the one that it is named after."""
    lines = [PREAMBLE, f"Name: {first.name}", *_body(first, "")]
    for rpm in others:
        lines += ["", f"%package -n {rpm.name}", *_body(rpm, f" -n {rpm.name}")]
    return "\n".join(lines) + "\n"


def _body(rpm: Rpm, selector: str) -> Iterator[str]:
    yield f"Version: {rpm.version}"
    yield f"Release: {rpm.release}"
    yield f"Summary: {_escaped(rpm.summary)}"
    yield "License: see the Debian package of the same name"
    yield "AutoReq: no"
    yield f"AutoProv: {'yes' if rpm.libraries else 'no'}"
    yield from (f"Requires: {name}" for name in rpm.requires)
    yield from (f"Provides: {name}" for name in rpm.provides)
    yield f"%description{selector}\n{_escaped(rpm.summary)}."
    if rpm.post:
        yield f"%post{selector}\n{rpm.post}"
    yield f"%files{selector}"
    yield from (file.line() for file in rpm.files)


def _escaped(text: str) -> str:
    return text.replace("%", "%%")
