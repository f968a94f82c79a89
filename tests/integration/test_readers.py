"""What clients read from the metadata: field by field the same as from that of a plain createrepo_c run.

That both say the same to createrepo_c's own library is in `test_metadata`; here it is what dnf, zypper and libsolv make
of it, each by its own parser.
"""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import createrepo_c
import pytest
import solv

from builder.model.operation import NumberedOperation
from builder.model.project import Retention
from tests.support import dnf, zypper
from tests.support.repositories import Workbench
from tests.support.rpms import deliver, order_of, rpms

TREE = "repos/hello/testing/fedora-43/x86_64"
RELATIONS = ("provides", "requires", "conflicts", "obsoletes", "recommends", "suggests", "supplements", "enhances")
TEXTS = ("name", "arch", "evr", "vendor", "packager", "summary", "description", "license", "group", "url", "buildhost")
NUMBERS = ("buildtime", "downloadsize", "installsize", "headerend")
HEAD = (
    "Provides: greeter = 3:2.1-4",
    "Requires: hellolib >= 1.0",
    "Requires: (bash or zsh)",
    "Requires(post): /bin/sh",
    "Conflicts: goodbye < 2",
    "Obsoletes: hallo <= 1:0.9-1",
    "Recommends: hello-doc",
    "Suggests: cowsay",
    "Supplements: terminal",
    "Enhances: prompt = 5",
    "Vendor: The Greeters' Guild",
    "Packager: Ada <ada@example.org>",
    "Group: Applications/Text",
)
CHANGES = """* Wed Jun 03 2026 Ådå <ada@example.org> - 2
- Greet <everybody> & "all"
"""


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """One repository, as it is published, and as createrepo_c makes it from the same files."""
    ours = tmp_path_factory.mktemp("state")
    bench = Workbench(ours)
    builds = [
        rpms(
            "hello",
            "1.2",
            arch="x86_64",
            head=HEAD,
            subpackages=("devel", "doc"),
            changes=CHANGES,
            paths=("/etc/hello",),
        ),
        rpms("hello", "1.1~rc1", arch="x86_64"),
        rpms("Libodd++", "2^git1", "3.fc43", epoch=2),
    ]
    for number, files in enumerate(builds, start=1):
        order = order_of(number, srpm=files[-1].name, retention=Retention(versions=9))
        deliver(ours, order, files)
        bench.operations.carry_out([NumberedOperation(number=number, operation=order)])
    theirs = tmp_path_factory.mktemp("plain")
    shutil.copytree(ours / TREE / "Packages", theirs / "Packages")
    command = [
        str(Path(sys.executable).with_name("createrepo_c")),
        "--quiet",
        "--general-compress-type=gz",
        str(theirs),
    ]
    subprocess.run(command, check=True, timeout=60, capture_output=True)
    return ours / TREE, theirs


def repository(tree: Path) -> str:
    """A `.repo` file; it is the same name for all trees, since clients show it."""
    return f"[farm]\nname=farm\nbaseurl=file://{tree}\nenabled=1\ngpgcheck=0\nrepo_gpgcheck=0\n"


def test_dnf_reads_every_field(trees: tuple[Path, Path], tmp_path: Path) -> None:
    """All that `dnf repoquery` can be asked for, the files, and the changelogs."""
    ours, theirs = (
        [_dnf(client, *query) for query in (("--queryformat", _tags()), ("--list",), ("--changelogs",))]
        for client in (dnf.Client(tmp_path / tree.name, repository(tree)) for tree in trees)
    )
    assert ours == theirs
    fields, files, changes = ours
    for field in ("requires=(bash or zsh)", "provides=greeter = 3:2.1-4", "summary=A package for tests", "Libodd++"):
        assert field in fields
    assert "/etc/hello\n" in files
    assert 'Greet <everybody> & "all"' in changes


def _tags() -> str:
    """A format with all tags that dnf knows, each with its name."""
    said = subprocess.run(["dnf", "repoquery", "--querytags"], capture_output=True, text=True, timeout=60, check=True)
    tags = {tag.strip() for line in said.stdout.splitlines()[2:] for tag in line.split(",")}
    assert {"sourcerpm", "conflicts", "buildtime"} < tags
    return "\\n".join(f"{tag}=%{{{tag}}}" for tag in sorted(tags))


def _dnf(client: dnf.Client, *query: str) -> str:
    code, said = client.dnf("--quiet", "repoquery", *query)
    assert code == 0, said
    return said


def test_zypper_reads_every_field(trees: tuple[Path, Path], tmp_path: Path) -> None:
    """All that `zypper info` shows of every package."""
    ours, theirs = (_zypper(zypper.Client(tmp_path / tree.name, repository(tree))) for tree in trees)
    assert ours == theirs
    for line in ("(bash or zsh)", "greeter = 3:2.1-4", "Summary        : A package for tests", "2:2^git1-3.fc43"):
        assert line in ours


def _zypper(client: zypper.Client) -> str:
    assert client.zypper("refresh")[0] == 0
    relations = [f"--{relation}" for relation in RELATIONS if relation != "enhances"]
    said = ""
    for arguments in (("search", "--details"), ("info", *relations, "hello", "hello-devel", "hello-doc", "Libodd++")):
        code, answer = client.zypper(*arguments)
        assert code == 0, answer
        said += answer
    return said


def test_solv_reads_every_field(trees: tuple[Path, Path]) -> None:
    """All that libsolv keeps of every package, with its files."""
    ours, theirs = (_solvables(tree) for tree in trees)
    assert ours == theirs
    hello = ours["hello-1.2-1.x86_64"]
    assert "(bash or zsh)" in hello["requires"]
    assert "/etc/hello" in hello["files"]
    assert all(hello[name] for name in (*TEXTS, *NUMBERS, *RELATIONS, "checksum", "location"))


def _solvables(tree: Path) -> dict[str, dict[str, Any]]:
    pool = solv.Pool()
    pool.setarch("x86_64")
    repo = pool.add_repo("farm")
    records = createrepo_c.Repomd(str(tree / "repodata/repomd.xml")).records
    files = {record.type: str(tree / record.location_href) for record in records}
    assert repo.add_rpmmd(solv.xfopen(files["primary"]), None, 0), pool.errstr
    assert repo.add_rpmmd(solv.xfopen(files["filelists"]), "FL", solv.Repo.REPO_EXTEND_SOLVABLES), pool.errstr
    return {str(one): _solvable(one) for one in repo.solvables}


def _solvable(one: solv.XSolvable) -> dict[str, Any]:
    """Each field by the name that libsolv's constants have, in lower case."""
    fields: dict[str, Any] = {name: one.lookup_str(_key(name)) for name in TEXTS}
    fields |= {name: one.lookup_num(_key(name)) for name in NUMBERS}
    fields |= {name: [str(relation) for relation in one.lookup_deparray(_key(name))] for name in RELATIONS}
    fields["checksum"] = str(one.lookup_checksum(_key("checksum")))
    fields["location"] = one.lookup_location()
    fields["source"] = one.lookup_sourcepkg()
    fields["files"] = [data.str for data in one.Dataiterator(_key("filelist"), None, solv.Dataiterator.SEARCH_FILES)]
    return fields


def _key(name: str) -> int:
    return int(getattr(solv, f"SOLVABLE_{name.upper()}"))
