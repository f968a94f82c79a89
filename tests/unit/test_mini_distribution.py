"""How Debian packages become the RPMs of the mini distribution."""

import re
from pathlib import Path

import pytest
from mini_distribution import dpkg, packages, repository
from mini_distribution.dpkg import Installed, Package
from mini_distribution.spec import File, Rpm, spec

STATUS = """\
Package: dpkg
Status: install ok installed
Architecture: amd64
Version: 1.21.22
Essential: yes
Description: Debian package management system
 With a text of several lines.

Package: awk-user
Status: install ok installed
Architecture: all
Version: 1:2.0-beta-3
Pre-Depends: dpkg (>= 1.14)
Depends: original-awk | awk, gone | dpkg:any [amd64]
Conffiles:
 /etc/kept d41d8cd98f00b204e9800998ecf8427e
 /etc/old d41d8cd98f00b204e9800998ecf8427e obsolete
Description: Uses awk

Package: mawk
Status: install ok installed
Architecture: amd64
Version: 1.3.4.20200120-3.1
Provides: awk, other (= 1.0)
Description: Interpreter

Package: removed
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: foreign
Status: install ok installed
Architecture: i386
Version: 1
"""


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installed:
    """A host whose dpkg database is `STATUS`."""
    (tmp_path / "info").mkdir()
    (tmp_path / "status").write_text(STATUS)
    monkeypatch.setattr(dpkg, "DATABASE", tmp_path)
    return dpkg.installed()


def test_only_what_is_installed_for_this_host_is_listed(host: Installed) -> None:
    """Removed packages and those of a foreign architecture are no part of the host."""
    assert sorted(host.packages) == ["awk-user", "dpkg", "mawk"]
    assert host.essential() == ["dpkg"]


def test_a_packages_record_is_read_whole(host: Installed) -> None:
    """Alternatives, qualifiers, configuration files and the first line of the description are understood."""
    assert host.packages["awk-user"] == Package(
        name="awk-user",
        version="1:2.0-beta-3",
        architecture="all",
        summary="Uses awk",
        essential=False,
        depends=(("dpkg",), ("original-awk", "awk"), ("gone", "dpkg")),
        provides=(),
        conffiles={
            "/etc/kept": "d41d8cd98f00b204e9800998ecf8427e",
            "/etc/old": "d41d8cd98f00b204e9800998ecf8427e",
        },
    )


def test_the_closure_follows_alternatives_and_virtual_packages(host: Installed) -> None:
    """Of each dependency the first alternative that is installed is taken, by its real name."""
    assert list(host.closure(["awk-user", "unknown"])) == ["awk-user", "dpkg", "mawk"]


def test_what_is_taken_away_is_required_by_nobody(host: Installed) -> None:
    """A dependency whose packages were taken away is no dependency any more."""
    assert list(host.without(re.compile("mawk|other")).closure(["awk-user"])) == ["awk-user", "dpkg"]


def test_a_host_without_dpkg_has_nothing_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told that it is no Debian host, and what to use instead."""
    monkeypatch.setattr(dpkg, "DATABASE", tmp_path)
    with pytest.raises(repository.UnfitHostError, match="use the chroots of mock-configs/ instead"):
        repository.chosen(dpkg.installed())


def test_what_is_not_installed_is_named_with_the_command_that_gets_it(host: Installed) -> None:
    """Everything that is missing is named at once."""
    with pytest.raises(repository.UnfitHostError, match=r"apt-get install --no-install-recommends .*gcc .*make .*rpm"):
        repository.chosen(host)


@pytest.mark.parametrize(
    ("debian", "version", "release"),
    [
        ("4:12.2.0-3", "12.2.0", "3"),
        ("5.7", "5.7", "1"),
        ("1:2.0-beta-3", "2.0_beta", "3"),
        ("1.0+x~y-1+b2", "1.0+x~y", "1+b2"),
    ],
)
def test_versions_keep_their_order_without_epochs(host: Installed, debian: str, version: str, release: str) -> None:
    """Upstream version and revision become Version and Release; RPM allows no hyphen in either."""
    package = Package("x", debian, "all", "x", essential=False, depends=(), provides=(), conffiles={})
    (rpm,) = packages.rpms({"x": package}, host)
    assert (rpm.version, rpm.release) == (version, release)


def test_files_that_a_build_root_should_not_have_are_left_out(host: Installed, tmp_path: Path) -> None:
    """Private and changed files, folders, odd names and what is gone stay out; links are taken as links."""
    tree = tmp_path / "tree"
    tree.mkdir()
    for name, mode in {"kept": 0o644, "private": 0o640, "changed": 0o644, "odd name": 0o644}.items():
        (tree / name).write_text("")
        (tree / name).chmod(mode)
    (tree / "link").symlink_to("kept")
    conffiles = {f"{tree}/changed": "0" * 32, f"{tree}/kept": "d41d8cd98f00b204e9800998ecf8427e"}
    package = Package("x", "1", "all", "x", essential=False, depends=(), provides=(), conffiles=conffiles)
    paths = [str(tree), *(f"{tree}/{name}" for name in ("kept", "private", "changed", "odd name", "gone", "link"))]
    (tmp_path / "info" / "x.list").write_text("\n".join(paths))
    (rpm,) = packages.rpms({"x": package}, host)
    assert [(file.path, file.mode & 0o777) for file in rpm.files] == [(f"{tree}/kept", 0o644), (f"{tree}/link", 0o777)]


def test_the_spec_says_all_that_a_package_is() -> None:
    """Owners and permissions stand beside each file, and a percent sign is never a macro."""
    first = Rpm(name="a", version="1", release="2", summary="100% plain", files=(File("/x", 0o2775, group="mail"),))
    second = Rpm(name="b", version="3", release="4", summary="B", requires=("a",), provides=("c",), post="true")
    text = spec(first, [second])
    assert "Name: a\nVersion: 1\nRelease: 2\nSummary: 100%% plain\n" in text
    assert "%files\n%attr(2775,root,mail) /x\n" in text
    assert "%package -n b\nVersion: 3\nRelease: 4\nSummary: B\n" in text
    assert "Requires: a\nProvides: c\n%description -n b\nB.\n%post -n b\ntrue\n%files -n b\n" in text
