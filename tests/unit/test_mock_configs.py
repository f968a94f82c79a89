"""The chroots that are delivered in mock-configs/."""

import tomllib
from pathlib import Path

import msgspec
import pytest

from builder.model.chroot import Chroot
from tests.support.distribution import ROOT

FILES = sorted((ROOT / "mock-configs").glob("*.toml"))


def test_there_are_chroots_for_each_distribution_on_two_architectures() -> None:
    """The distributions that people build for are there, on x86_64 and on aarch64."""
    names = {file.stem for file in FILES}
    for distribution in ("fedora-43", "fedora-rawhide", "centos-stream-10", "epel-10", "opensuse-tumbleweed"):
        assert {f"{distribution}-x86_64", f"{distribution}-aarch64"} <= names


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_chroot_is_what_its_file_is_called(file: Path) -> None:
    """Every file decodes, holds nothing that would be ignored, and defines the chroot that it is named after."""
    chroot = msgspec.toml.decode(file.read_bytes(), type=Chroot)
    assert chroot.name == file.stem
    assert set(tomllib.loads(file.read_text())) == set(Chroot.__struct_fields__)
    assert all(repository.url.startswith("https://") for repository in chroot.repositories)
    assert len({repository.name for repository in chroot.repositories}) == len(chroot.repositories)
