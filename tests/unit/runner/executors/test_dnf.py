import configparser
from pathlib import Path

import pytest

from builder.errors import InvalidError
from builder.model.chroot import BaseRepository
from builder.runner.executors.dnf import (
    BASE_EXPIRES,
    Places,
    build_requires,
    configuration,
    install_command,
    local_repositories,
)
from tests.support.orders import chroot_work

PLACES = Places(tree=Path("/a/root"), cache=Path("/cache"), own=Path("/a/dnf"), trust=Path("/trust.pem"))
FARM = BaseRepository(name="farm", url="https://farm/repos/x", priority=10)


def parsed(**repositories: BaseRepository) -> configparser.ConfigParser:
    config = configparser.ConfigParser(interpolation=None)
    config.read_string(configuration(chroot_work(repositories=tuple(repositories.values())), PLACES))
    return config


def test_nothing_of_the_host_is_used() -> None:
    """Neither its repositories, nor its plugins, nor its cache."""
    main = parsed()["main"]
    assert main["plugins"] == "0"
    assert main["reposdir"] == main["varsdir"] == "/nonexistent"
    assert (main["cachedir"], main["persistdir"]) == ("/cache", "/a/dnf/persist")


def test_the_farms_metadata_is_always_fresh() -> None:
    """What was just published is seen; base repositories are believed for a while."""
    config = parsed(farm=FARM)
    assert config["farm"]["metadata_expire"] == "0"
    assert config["mini"]["metadata_expire"] == str(BASE_EXPIRES)


def test_repositories_have_their_priority_and_the_farms_certificate() -> None:
    """The order's repositories may have a certificate of the farm's own."""
    config = parsed(farm=FARM)
    assert config["farm"]["priority"] == "10"
    assert config["farm"]["sslcacert"] == "/trust.pem"
    assert "sslcacert" not in config["mini"]


def test_everything_is_one_transaction() -> None:
    """The chroot's packages and the BuildRequires are installed together, and none is taken for an option."""
    command = install_command(Path("/a/dnf/dnf.conf"), PLACES, "12", ["buildroot", "gcc >= 1"])
    assert command == [
        "dnf",
        "--config=/a/dnf/dnf.conf",
        "--installroot=/a/root",
        "--releasever=12",
        "install",
        "--",
        "buildroot",
        "gcc >= 1",
    ]


def test_rpms_own_requirements_are_no_packages() -> None:
    """`rpmlib(…)` says what rpm must be able to."""
    answer = "gcc\nhellolib-devel >= 1.0\n(a or b)\nrpmlib(FileDigests) <= 4.6.0-1\n\n"
    assert build_requires(answer) == ("gcc", "hellolib-devel >= 1.0", "(a or b)")


@pytest.mark.parametrize(
    "requirement",
    [
        "https://example.org/x.rpm",
        "HTTP:example.org",
        "file:///x",
        "ftp://example.org/x",
        "/var/x.rpm",
        "x.rpm",
        "@core",
        "ht\ttp://x",
    ],
)
def test_files_and_groups_are_no_requirements(requirement: str) -> None:
    """dnf would install a package from anywhere; what a package provides is all that a spec may ask for."""
    with pytest.raises(InvalidError, match="BuildRequires"):
        build_requires(f"gcc\n{requirement}\n")


@pytest.mark.parametrize(
    "requirement", ["/usr/bin/cc", "perl(File::Copy)", "golang(example.org/x)", "a = 1:2-3", "(a if file)", "rpm >= 4"]
)
def test_what_packages_provide_may_be_required(requirement: str) -> None:
    """Files, names with anything in brackets, and versions."""
    assert build_requires(f"{requirement}\n") == (requirement,)


def test_repositories_on_disk_are_found() -> None:
    """dnf has to see them where they are; what is above a variable holds whatever it stands for."""
    urls = ["file:///srv/a%20b", "file:///srv/$releasever/x", "http://x/", "file:///$basearch", "file:///srv/../etc"]
    repositories = tuple(BaseRepository(name=f"r{number}", url=url) for number, url in enumerate(urls))
    assert local_repositories(chroot_work(repositories=repositories)) == [Path("/srv/a b"), Path("/srv")]
