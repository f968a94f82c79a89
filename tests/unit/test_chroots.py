"""Chroots from files."""

from pathlib import Path

from builder.master.chroots import load

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
