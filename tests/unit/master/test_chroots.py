"""Chroots from files."""

from pathlib import Path

import pytest

from builder.errors import InvalidError
from builder.master.chroots import check, load
from tests.support.distribution import ROOT

GOOD = """\
distribution = "fedora"
version = "43"
architecture = "x86_64"
dist = ".fc43"
packages = ["@buildsys-build"]
repositories = [{name = "fedora", url = "https://example.org/$basearch/"}]
"""


def test_the_first_folder_wins(tmp_path: Path) -> None:
    """A chroot that several folders have is that of the first; other files are left alone."""
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, dist in ((first, ".mine"), (second, ".fc43")):
        folder.mkdir()
        (folder / "fedora-43-x86_64.toml").write_text(GOOD.replace(".fc43", dist))
        (folder / "README.md").write_text("not a chroot")
    (second / "fedora-43-aarch64.toml").write_text(GOOD.replace("x86_64", "aarch64"))
    found = load((first, second, tmp_path / "nowhere"))
    assert {name: chroot.dist for name, chroot in found.chroots.items()} == {
        "fedora-43-x86_64": ".mine",
        "fedora-43-aarch64": ".fc43",
    }
    assert found.mistakes == ()


def test_a_mistake_names_file_and_key(tmp_path: Path) -> None:
    """Every mistake of every file is told, and the other files are there."""
    (tmp_path / "fedora-43-x86_64.toml").write_text(GOOD)
    (tmp_path / "fedora-42-x86_64.toml").write_text(GOOD)
    (tmp_path / "broken.toml").write_text("this is no TOML")
    (tmp_path / "two.toml").write_text(GOOD.replace('version = "43"', "version = 43").replace("dist =", "dits ="))
    found = load((tmp_path,))
    assert list(found.chroots) == ["fedora-43-x86_64"]
    told = "\n".join(found.mistakes)
    assert f"{tmp_path / 'fedora-42-x86_64.toml'}: this defines fedora-43-x86_64" in told
    assert f"{tmp_path / 'broken.toml'}: this is not TOML" in told
    assert f"{tmp_path / 'two.toml'}: `version`" in told
    assert f"{tmp_path / 'two.toml'}: `dits`" in told


@pytest.mark.parametrize(
    ("written", "instead", "told"),
    [
        ('"x86_64"', '"amd64"', "`architecture` should be `x86_64`: so rpm calls amd64"),
        ('".fc43"', '"fc43"', "`dist` should be empty or begin with a dot, as `.fc43` does, not `fc43`"),
        ('["@buildsys-build"]', "[]", "`packages` should not be empty: a build root is made from them"),
        ('"https://example.org/$basearch/"', '"/srv/repo"', "`repositories[0].url` should begin with https://"),
        ('/"}]', '/", key = "key.asc"}]', "`repositories[0].key` should begin with https://"),
        ("}]", '}, {name = "fedora", url = "file:///srv"}]', "`repositories` should not hold two of the name `fedora`"),
    ],
)
def test_what_would_fail_in_a_build_is_found_before(tmp_path: Path, written: str, instead: str, told: str) -> None:
    """With file, key and what would be right."""
    path = tmp_path / "fedora-43-x86_64.toml"
    path.write_text(GOOD.replace(written, instead))
    with pytest.raises(InvalidError) as caught:
        check(path)
    assert any(mistake.startswith(f"{path}: {told}") for mistake in caught.value.mistakes), caught.value.mistakes


def test_shipped_chroots_have_no_mistakes() -> None:
    """Each of them is called as mock calls it, and there for both architectures."""
    found = load([ROOT / "mock-configs"])
    assert found.mistakes == ()
    assert {f"{chroot.distribution}-{chroot.version}" for chroot in found.chroots.values()} == {
        "centos-stream-9",
        "centos-stream-10",
        "epel-9",
        "epel-10",
        "fedora-43",
        "fedora-44",
        "fedora-rawhide",
        "opensuse-leap-16.0",
        "opensuse-tumbleweed",
    }
    assert len(found.chroots) == 18
