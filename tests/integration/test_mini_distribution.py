"""The mini distribution as it is made from this host."""

import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.support.distribution import SCRIPT

pytestmark = pytest.mark.farm


def test_callers_at_the_same_time_make_it_once(tmp_path: Path) -> None:
    """One of two makes the distribution, the other waits for it; both are given the same repository."""
    outs = [tmp_path / "first", tmp_path / "second"]
    command = [str(SCRIPT), "--cache", str(tmp_path / "cache")]
    started = [subprocess.Popen([*command, str(out)], stdout=subprocess.PIPE, text=True) for out in outs]
    said = [process.communicate(timeout=300)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0]
    assert sorted("(made in" in line for line in said) == [False, True]
    assert len({(out / "repo").resolve() for out in outs}) == 1
    assert not list((tmp_path / "cache").glob("*.new"))


def test_it_holds_what_proves_a_build_root_to_be_whole(mini_chroots: Path) -> None:
    """A file of another group than root and a %post: a namespace with a single mapped id fails on the first."""
    (package,) = (mini_chroots / "repo").glob("mini-buildroot-*.rpm")
    query = [
        "rpm",
        "--query",
        "--queryformat",
        r"[%{FILENAMES} %{FILEGROUPNAME}\n]%{POSTIN}",
        "--package",
        str(package),
    ]
    answer = subprocess.run(query, check=True, capture_output=True, text=True).stdout
    assert "/var/mail/builder mail\n" in answer
    assert "date -u > /etc/mini-buildroot" in answer


def test_a_compiler_is_there_for_who_requires_it(mini_chroots: Path) -> None:
    """The repository has one, which weighs more than all the rest of a build root, and no root has it unasked."""
    (package,) = (mini_chroots / "repo").glob("mini-buildroot-*.rpm")
    query = ["rpm", "--query", "--requires", "--package", str(package)]
    required = subprocess.run(query, check=True, capture_output=True, text=True).stdout.splitlines()
    assert {"bash", "rpm"} < set(required)
    for name in ("gcc", "libc6-dev", "make"):
        assert list((mini_chroots / "repo").glob(f"{name}-*.rpm"))
        assert name not in required


def test_accounts_are_not_those_of_this_host(mini_chroots: Path, tmp_path: Path) -> None:
    """The account files are the ones that Debian delivers to everybody."""
    (package,) = (mini_chroots / "repo").glob("mini-filesystem-*.rpm")
    with subprocess.Popen(["rpm2cpio", package], stdout=subprocess.PIPE) as unpacked:
        extract = ["cpio", "--extract", "--quiet", "--make-directories", "./etc/passwd", "./etc/group"]
        subprocess.run(extract, check=True, cwd=tmp_path, stdin=unpacked.stdout)
    for name in ("passwd", "group"):
        assert (tmp_path / "etc" / name).read_bytes() == Path(f"/usr/share/base-passwd/{name}.master").read_bytes()


def test_the_definition_names_the_chroot_and_its_repository(mini_chroots: Path) -> None:
    """The farm reads from the definition all that a build root is made of."""
    (definition,) = mini_chroots.glob("mini-12-*.toml")
    read = tomllib.loads(definition.read_text())
    assert f"{read['distribution']}-{read['version']}-{read['architecture']}" == definition.stem
    (repository,) = read["repositories"]
    assert repository["url"] == (mini_chroots / "repo").resolve().as_uri()
    assert (mini_chroots / "repo" / "repodata" / "repomd.xml").is_file()
