from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder import nevra
from builder.errors import InvalidError
from builder.repo import layout


@pytest.mark.parametrize(
    ("chroot", "parts"),
    [
        ("fedora-43-x86_64", ("fedora-43", "x86_64")),
        ("centos-stream-10-aarch64", ("centos-stream-10", "aarch64")),
        ("mini-12-i386", ("mini-12", "i386")),
    ],
)
def test_a_chroot_is_split_at_its_last_dash(chroot: str, parts: tuple[str, str]) -> None:
    """The architecture is what stands last; the distribution keeps its version."""
    assert layout.split(chroot) == parts


@pytest.mark.parametrize(
    "chroot", ["fedora-43-source", "fedora-43-debug", "fedora-43-noarch", "fedora-43-src", "x86_64"]
)
def test_a_chroot_cannot_take_the_place_of_another_tree(chroot: str) -> None:
    """No chroot's name leads into the source or debug tree."""
    with pytest.raises(InvalidError, match=chroot):
        layout.split(chroot)


@pytest.mark.parametrize(
    ("package", "tree"),
    [
        ("hello-1.0-1.x86_64", "x86_64"),
        ("hello-doc-1.0-1.noarch", "x86_64"),
        ("hello-1.0-1.src", "source"),
        ("hello-debuginfo-1.0-1.x86_64", "debug/x86_64"),
        ("hello-libs-debuginfo-1.0-1.x86_64", "debug/x86_64"),
        ("hello-debugsource-1.0-1.x86_64", "debug/x86_64"),
        ("debuginfo-reader-1.0-1.x86_64", "x86_64"),
    ],
)
def test_each_package_has_one_home(package: str, tree: str) -> None:
    """Sources, what debuggers need, and everything else go to trees of their own."""
    home = layout.home("hello", "testing", "fedora-43-x86_64", nevra.parse(package))
    assert home.path == f"hello/testing/fedora-43/{tree}"
    assert home in layout.repositories("hello", "testing", "fedora-43-x86_64")


@pytest.mark.parametrize(
    ("chroot", "package"),
    [
        ("fedora-43-x86_64", "hello-1.0-1.aarch64"),
        ("fedora-43-x86_64", "hello-1.0-1.i686"),
        ("f-1-armhfp", "a-1-1.x86_64"),
    ],
)
def test_a_foreign_architecture_has_no_home(chroot: str, package: str) -> None:
    """A package of another machine than the chroot's is refused by name."""
    with pytest.raises(InvalidError, match=package):
        layout.home("hello", "testing", chroot, nevra.parse(package))


@pytest.mark.parametrize(
    ("chroot", "package"), [("fedora-43-i386", "hello-1.0-1.i686"), ("f-1-armhfp", "a-1-1.armv7hl")]
)
def test_an_architecture_may_be_called_otherwise_in_packages(chroot: str, package: str) -> None:
    """Chroots of 32-bit machines hold packages of the name that rpm gives them."""
    assert layout.home("hello", "testing", chroot, nevra.parse(package)).tree == chroot.rpartition("-")[2]


_word = st.from_regex(r"[a-zX0-9][a-zX0-9._+~^]{0,7}", fullmatch=True)


@given(name=_word, version=_word, release=_word, epoch=st.integers(0, 9))
def test_a_location_stays_inside(name: str, version: str, release: str, epoch: int) -> None:
    """Wherever a package is put, it is three components below its repository, and says its name without the epoch."""
    package = nevra.Nevra(name, nevra.Evr(epoch, version, release), "x86_64")
    path = PurePosixPath(layout.location(package))
    assert path.parts == ("Packages", name[0].lower(), f"{name}-{version}-{release}.x86_64.rpm")
