"""`builder repo …` as it is typed, against a farm of real processes with real packages."""

import errno
import json
import os
import random
import re
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import dnf, zypper
from tests.support.packages import definition, packaging
from tests.support.processes import BIN, DEADLINE, Farm, eventually

pytestmark = [pytest.mark.farm, pytest.mark.long]

REPO = "hello/testing/mini-12/x86_64"
SOURCE = "hello/testing/mini-12/source"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, mini_chroots: Path) -> Iterator[Farm]:
    """A farm whose project `hello` has two versions of its package: generation 1 is empty, 2 and 3 have one more."""
    folder = tmp_path_factory.mktemp("farm")
    with Farm(folder, mini_chroots) as farm:
        for version in ("1.0", "1.1"):
            built(farm, folder / "git", "hello", version)
        yield farm


def done(farm: Farm, *typed: str) -> str:
    """What a command says that succeeds; where the machine is slow, it may say that it waits."""
    ended = farm.builder("repo", *typed)
    complained = [line for line in ended.stderr.splitlines() if "waits for the repository builder" not in line]
    assert (ended.returncode, complained) == (0, []), ended
    return ended.stdout


def refused(farm: Farm, *typed: str) -> str:
    """The sentence with which a command is refused; there is nothing else."""
    ended = farm.builder("repo", *typed)
    assert ended.returncode == 3, ended
    assert "Traceback" not in ended.stderr
    return ended.stderr


def built(farm: Farm, folder: Path, name: str, version: str = "1.0") -> None:
    """Build a package, and have it published in the project of its name."""
    farm.call("POST", "/api/v1/definition", definition(name, {name: packaging(folder, name, version=version)}))
    build = farm.finished(farm.call("POST", "/api/v1/builds", {"package": name})["number"])
    assert build["state"] == "succeeded", build


def repo_file(farm: Farm, project: str, stage: str = "testing") -> str:
    """The `.repo` file of a stage, as the farm gives it out."""
    address = f"{farm.url}/repos/{project}/{stage}/mini-12/{project}-{stage}.repo"
    with urllib.request.urlopen(address, timeout=DEADLINE) as answer:
        return str(answer.read().decode())


def held(farm: Farm, repository: str = REPO) -> list[str]:
    """The NEVRAs that a repository holds, as `show` tells."""
    return [package["nevra"] for package in json.loads(done(farm, "show", repository, "--json"))["packages"]]


def current(farm: Farm, repository: str = REPO) -> int:
    """The number of its current generation."""
    return int(json.loads(done(farm, "show", repository, "--json"))["generation"])


COMPS = """<comps><group>
    <id>greeters</id><name>Greeters</name><default>true</default><uservisible>true</uservisible>
    <packagelist><packagereq type="mandatory">hello</packagereq></packagelist>
</group></comps>
"""
OLD, NEW = "hello-1.0-1.mini12.noarch", "hello-1.1-1.mini12.noarch"


def test_repositories_are_listed_and_shown(shared: Farm) -> None:
    """`list` has a line per repository, `show` the packages and generations of one, and both have their JSON."""
    rows = [line.split("\t") for line in done(shared, "list", "hello").splitlines()]
    assert [row[0] for row in rows] == sorted(
        f"hello/{stage}/mini-12/{tree}"
        for stage in ("testing", "stable")
        for tree in ("x86_64", "source", "debug/x86_64")
    )
    assert json.loads(done(shared, "list", "hello", "--json"))[0]["name"] == rows[0][0]
    assert done(shared, "list", "other") == ""
    shown = done(shared, "show", REPO, "--generation", "2")
    assert f"repository: {REPO}\n" in shown
    assert f"{OLD}\t" in shown
    assert f"\n{NEW}\t" not in shown
    assert re.search(rf"^3\t.*publish.*{NEW}", shown, re.MULTILINE)


def test_generations_are_compared(shared: Farm) -> None:
    """`diff` names what came and what went."""
    assert done(shared, "diff", REPO, "1", "2") == "added\thello.noarch\t\t1.0-1.mini12\n"
    assert done(shared, "diff", REPO, "2", "1") == "removed\thello.noarch\t1.0-1.mini12\t\n"
    assert done(shared, "diff", REPO, "2", "2") == ""


def test_a_release_is_rolled_back_and_stays_back(shared: Farm) -> None:
    """`rollback` makes a new generation with the old content, and `operations` says who asked for it."""
    before = current(shared, SOURCE)
    said = done(shared, "rollback", SOURCE, "2", "--reason", "1.1 burns")
    assert f"{SOURCE} is now generation {before + 1}\n" in said
    assert re.search(r"^withdrawn\thello-1.1-1.mini12.src\t", said, re.MULTILINE)
    assert held(shared, SOURCE) == ["hello-1.0-1.mini12.src"]
    assert "withdrawn: hello-1.1-1.mini12.src\n" in done(shared, "show", SOURCE)
    (row, *_) = (line.split("\t") for line in done(shared, "operations", "hello").splitlines())
    assert row[1:4] == ["rollback", "hello", "applied"]
    assert row[6] != ""


def test_a_build_is_taken_back_everywhere(shared: Farm, tmp_path: Path) -> None:
    """`undo` takes what an operation has published out of all repositories that have it, in one switch each."""
    built(shared, tmp_path / "git", "oops")
    (number, *_) = done(shared, "operations", "oops").split("\t")
    told = json.loads(done(shared, "undo", number, "--reason", "wrong branch", "--json"))
    assert (told["state"], told["kind"]) == ("applied", "undo")
    assert {there["repository"] for there in told["generations"]} == {
        "oops/testing/mini-12/x86_64",
        "oops/testing/mini-12/source",
    }
    assert held(shared, "oops/testing/mini-12/x86_64") == held(shared, "oops/testing/mini-12/source") == []


def test_a_generation_is_pinned_and_unpinned(shared: Farm) -> None:
    """Who pinned it and why is shown, until it is unpinned."""
    done(shared, "pin", REPO, "2", "--reason", "the demo uses it")
    assert "pinned by" in done(shared, "show", REPO)
    assert "the demo uses it" in done(shared, "show", REPO)
    done(shared, "unpin", REPO, "2")
    assert "pinned by" not in done(shared, "show", REPO)
    assert "not pinned" in refused(shared, "unpin", REPO, "2")


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (["show", "hello/testing/mini-12/s390x"], "no repository hello/testing/mini-12/s390x"),
        (["show", REPO, "--generation", "99"], "no generation 99"),
        (["diff", REPO, "1", "99"], "no generation 99"),
        (["rollback", REPO, "99"], "no generation 99"),
        (["rollback", "hello/testing/mini-12/s390x", "1"], "hello/testing/mini-12/s390x"),
        (["rollback", "hello/tasting/mini-12/x86_64", "1"], "no stage `tasting`; did you mean `testing`?"),
        (["pin", "hallo/testing/mini-12/x86_64", "1", "--reason", "x"], "no project `hallo`"),
        (["undo", "99"], "there is no operation 99"),
        (["operations", "hallo"], "no project `hallo`"),
    ],
)
def test_what_is_not_there_is_refused_with_a_sentence(shared: Farm, typed: list[str], sentence: str) -> None:
    """What, where, and exit code 3; and nothing has changed."""
    before = current(shared)
    assert sentence in refused(shared, *typed)
    assert current(shared) == before


def test_a_stage_carries_groups_that_are_taken_back(shared: Farm, tmp_path: Path) -> None:
    """`carry` gives clients a group, which `undo` takes back and `rollback` brings again; `--none` ends it."""
    (tmp_path / "comps.xml").write_text(COMPS)
    place, repository = "hello/stable/mini-12", "hello/stable/mini-12/x86_64"
    before = current(shared, repository)
    assert f"{repository} is now generation {before + 1}\n" in done(
        shared, "carry", place, "group", str(tmp_path / "comps.xml"), "--reason", "for greeters"
    )
    (number, *_) = done(shared, "operations", "hello").split("\t")
    client = dnf.Client(tmp_path / "client", repo_file(shared, "hello", "stable"))

    def groups() -> str:
        return client.dnf("--refresh", "group", "list", "--available")[1]

    assert "Greeters" in groups()
    done(shared, "undo", number)
    assert "No group data available" in groups()
    done(shared, "rollback", repository, str(before + 1))
    assert "Greeters" in groups()
    done(shared, "carry", place, "group", "--none")
    assert "No group data available" in groups()


@pytest.mark.parametrize(
    ("typed", "code", "sentence"),
    [
        (["hello/stable/mini-12", "group", "{text}"], 3, "the file is no XML"),
        (["hello/stable/mini-12", "appstream", "{comps}"], 3, "begins with <comps>, and has to with <components>"),
        (["hello/stable/mini-12", "group", "{folder}/none"], 3, f"none: {os.strerror(errno.ENOENT)}"),
        (["hello/stable/mini-12", "group", "{large}"], 3, "packed with gzip, and may have 30000"),
        (["hello/stable/mini-13", "group", "{comps}"], 3, "hello has no repositories of mini-13 in stable"),
        (["hello/stabel/mini-12", "group", "{comps}"], 3, "did you mean `stable`?"),
        (["hello/stable/mini-12", "group"], 2, "name one file, or say --none"),
        (["hello/stable/mini-12", "group", "{comps}", "--none"], 2, "name one file, or say --none"),
        (["hello/stable", "group", "{comps}"], 2, "is not a stage's distribution, such as hello/stable/fedora-43"),
    ],
)
def test_what_cannot_be_carried_is_refused_with_a_sentence(
    shared: Farm, tmp_path: Path, typed: list[str], code: int, sentence: str
) -> None:
    """What, where, and exit code 3, or 2 where the command makes no sense."""
    contents = {"text": b"hello", "comps": COMPS.encode(), "large": random.Random(1).randbytes(40_000)}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    places = {name: str(tmp_path / name) for name in contents} | {"folder": str(tmp_path)}
    ended = shared.builder("repo", "carry", *(word.format(**places) for word in typed))
    assert (ended.returncode, ended.stdout) == (code, ""), ended
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_signed_project_is_installed_with_both_checks(shared: Farm, tmp_path: Path) -> None:
    """After `key create`, dnf and zypper check packages and metadata by the farm's `.repo` file; so after `rotate`."""
    built(shared, tmp_path / "git", "signed")
    assert "gpgcheck=0" in repo_file(shared, "signed")
    for number, action in enumerate(("create", "rotate")):
        done(shared, "key", action, "signed")
        text = repo_file(shared, "signed")
        assert text.count("\ngpgcheck=1\nrepo_gpgcheck=1\n") == 3
        clients = (
            (by_dnf := dnf.Client(tmp_path / f"dnf{number}", text), by_dnf.dnf),
            (by_zypper := zypper.Client(tmp_path / f"zypper{number}", text), by_zypper.zypper),
        )
        for client, run in clients:
            code, said = run("install", "signed")
            assert code == 0, said
            assert client.installed() == ["signed-1.0-1.mini12"]
    assert "no faults" in done(shared, "verify", "signed")


def test_an_operation_outlives_who_waits_for_it(tmp_path: Path, mini_chroots: Path) -> None:
    """Ctrl-C ends the waiting with exit code 130 and the number; the repository builder does it when it is back."""
    with Farm(tmp_path, mini_chroots, slaves=0) as farm:
        farm.call("POST", "/api/v1/definition", definition("hello", {"hello": "file:///nowhere"}))
        eventually("they are prepared", lambda: done(farm, "operations").startswith("1\tprepare\thello\tapplied"))
        farm.repo.stop()
        command = [str(BIN / "builder"), "repo", "pin", REPO, "1", "--reason", "x"]
        with subprocess.Popen(command, env=farm.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as waiting:
            eventually("it is ordered", lambda: done(farm, "operations").startswith("2\tpin\thello\twaiting"))
            waiting.send_signal(signal.SIGINT)
            said, complained = waiting.communicate(timeout=DEADLINE)
        assert (waiting.returncode, said) == (130, b"")
        assert b"operation 2 goes on" in complained
        farm.repo.start()
        eventually("it is done", lambda: done(farm, "operations").startswith("2\tpin\thello\tapplied"))


def test_a_project_gets_keys(tmp_path: Path, mini_chroots: Path) -> None:
    """`key create`, `rotate` and `retire` change what `list` and `export` tell; what makes no sense is refused."""
    with Farm(tmp_path, mini_chroots, slaves=0) as farm:
        farm.call("POST", "/api/v1/definition", definition("hello", {"hello": "file:///nowhere"}))
        assert done(farm, "key", "list", "hello") == ""
        assert "`hello` has no keys" in refused(farm, "key", "export", "hello")
        assert refused(farm, "key", "rotate", "hello").startswith("builder: operation ")
        done(farm, "key", "create", "hello")
        (first,) = json.loads(done(farm, "key", "list", "hello", "--json"))
        done(farm, "key", "rotate", "hello", "--reason", "the year is over")
        rows = [line.split("\t")[:2] for line in done(farm, "key", "list", "hello").splitlines()]
        assert [state for _, state in rows] == ["current", "trusted"]
        assert rows[1][0] == first["fingerprint"]
        assert done(farm, "key", "export", "hello").count("BEGIN PGP PUBLIC KEY BLOCK") >= 1
        done(farm, "key", "retire", "hello")
        assert [key["until"] for key in json.loads(done(farm, "key", "list", "hello", "--json"))] == [None]


def test_damage_is_found_and_mended(tmp_path: Path, mini_chroots: Path) -> None:
    """`verify` is exit code 1 with a line that says how to mend, `rebuild` mends it, and `verify` is content again."""
    with Farm(tmp_path, mini_chroots, slaves=0) as farm:
        farm.call("POST", "/api/v1/definition", definition("hello", {"hello": "file:///nowhere"}))
        assert "no faults" in done(farm, "verify", "hello")
        (metadata,) = (farm.state / "repos" / REPO / "generations/1/repodata").glob("*-primary.xml.gz")
        metadata.write_bytes(b"rubbish")
        found = farm.builder("repo", "verify", "hello")
        assert found.returncode == 1
        mend = re.search(r"mend it: builder repo (rebuild \S+)", found.stdout)
        assert mend is not None, found.stdout
        done(farm, *mend[1].split())
        assert "no faults" in done(farm, "verify", "hello")
        assert "no repository" in refused(farm, "rebuild", "hello/testing/mini-12/s390x")


def test_what_was_rejected_is_shown_and_dropped(tmp_path: Path, mini_chroots: Path) -> None:
    """A delivery whose bytes are not those that were announced is in `rejected list` until it is dropped."""
    with Farm(tmp_path, mini_chroots) as farm:
        farm.call("POST", "/api/v1/definition", definition("hello", {"hello": packaging(tmp_path / "git", "hello")}))
        eventually("they are prepared", lambda: done(farm, "operations").startswith("1\tprepare\thello\tapplied"))
        farm.repo.stop()
        number = farm.call("POST", "/api/v1/builds", {"package": "hello"})["number"]
        eventually(
            "it waits to be published", lambda: done(farm, "operations").startswith("2\tpublish\thello\twaiting")
        )
        (delivered,) = (farm.state / "incoming").rglob("*.noarch.rpm")
        delivered.write_bytes(delivered.read_bytes() + b"and more")
        farm.repo.start()
        assert farm.finished(number)["state"] == "failed"
        (row,) = (line.split("\t") for line in done(farm, "rejected", "list", "hello").splitlines())
        assert row[1] == "hello/hello"
        shown = done(farm, "rejected", "show", row[0])
        assert f"reason: {row[3]}\n" in shown
        assert re.search(rf"^{delivered.name}\t", shown, re.MULTILINE)
        done(farm, "rejected", "drop", row[0])
        assert done(farm, "rejected", "list") == ""
        assert f"nothing called {row[0]} was rejected" in refused(farm, "rejected", "show", row[0])
        assert f"nothing called {row[0]} was rejected" in refused(farm, "rejected", "drop", row[0])


def test_a_command_waits_for_a_master_that_is_started_again(tmp_path: Path, mini_chroots: Path) -> None:
    """The master is killed while somebody waits: the command goes on, and ends as the operation does."""
    with Farm(tmp_path, mini_chroots, slaves=0) as farm:
        farm.call("POST", "/api/v1/definition", definition("hello", {"hello": "file:///nowhere"}))
        eventually("they are prepared", lambda: done(farm, "operations").startswith("1\tprepare\thello\tapplied"))
        farm.repo.stop()
        command = [str(BIN / "builder"), "repo", "pin", REPO, "1", "--reason", "x"]
        with subprocess.Popen(command, env=farm.environment, stdout=subprocess.PIPE, text=True) as waiting:
            eventually("it is ordered", lambda: done(farm, "operations").startswith("2\tpin\thello\twaiting"))
            farm.master.kill()
            farm.start_master()
            farm.repo.start()
            said, _ = waiting.communicate(timeout=DEADLINE)
        assert waiting.returncode == 0
        assert said.endswith("operation 2 is done\n")


def promote(farm: Farm, *typed: str) -> tuple[int, str, str]:
    """What `builder promote` of a project's first stage to its second says: exit code, output, error."""
    ended = farm.builder("promote", *typed, "--from", "testing", "--to", "stable")
    return ended.returncode, ended.stdout, ended.stderr


def test_a_package_is_promoted_taken_back_and_promoted_by_force(shared: Farm, tmp_path: Path) -> None:
    """A plan changes nothing; what was taken back comes again only by force."""
    built(shared, tmp_path / "git", "goes")
    stable, package = "goes/stable/mini-12/x86_64", "goes-1.0-1.mini12.noarch"
    code, said, _ = promote(shared, "goes", "--plan")
    assert (code, f"promoted\t{package}\t" in said, held(shared, stable)) == (0, True, [])
    code, said, _ = promote(shared, "--all", "--project", "goes", "--reason", "tested")
    assert (code, held(shared, stable)) == (0, [package]), said
    (number, *_) = done(shared, "operations", "goes").split("\t")
    assert f"withdrawn\t{package}\t{stable}\n" in done(shared, "undo", number)
    assert held(shared, stable) == []
    code, said, error = promote(shared, "goes")
    assert (code, f"excluded\t{package}\t" in said, "nothing to promote" in error) == (3, True, True)
    code, said, _ = promote(shared, "goes", "--force", "--reason", "it is needed")
    assert (code, held(shared, stable)) == (0, [package]), said
    (row, *_) = (line.split("\t") for line in done(shared, "operations", "goes").splitlines())
    assert (row[1], row[3]) == ("promote", "applied")
    assert row[6] != ""
    advisory = f"goes-stable-{row[0]}"
    client = dnf.Client(tmp_path / "client", repo_file(shared, "goes", "stable"))
    assert client.dnf("install", "goes")[0] == 0
    assert f"{advisory} newpackage " in client.dnf("updateinfo", "list", "--installed")[1]


def test_a_build_is_promoted_if_nothing_breaks(shared: Farm, tmp_path: Path) -> None:
    """`--build` brings what one build made; a package whose requirement stays behind is refused, with what it lacks."""
    definitions = {
        name: packaging(tmp_path / "git", name, needs=("needed",) if name == "needs" else ())
        for name in ("needed", "needs")
    }
    shared.call("POST", "/api/v1/definition", definition("closed", definitions))
    builds = {name: shared.call("POST", "/api/v1/builds", {"package": name})["number"] for name in definitions}
    for number in builds.values():
        assert shared.finished(number)["state"] == "succeeded"
    stable = "closed/stable/mini-12/x86_64"
    code, said, error = promote(shared, "needs")
    assert (code, held(shared, stable)) == (3, []), said
    assert re.search(r"^uninstallable\tneeds-1.0-1.mini12.noarch\t.*needed", said, re.MULTILINE), said
    assert "operation" in error
    code, said, _ = promote(shared, *(f"--build={number}" for number in builds.values()))
    assert code == 0, said
    assert held(shared, stable) == ["needed-1.0-1.mini12.noarch", "needs-1.0-1.mini12.noarch"]


def test_old_versions_are_pruned_after_a_plan(shared: Farm, tmp_path: Path) -> None:
    """`prune --plan` tells what would go and removes nothing; `prune` lets it leave."""
    for version in ("1.0", "1.1"):
        built(shared, tmp_path / "git", "old", version)
    tree, kept, gone = "old/testing/mini-12/x86_64", "old-1.1-1.mini12.noarch", "old-1.0-1.mini12.noarch"
    rule = ("--versions", "1", "--days", "0")
    plan = done(shared, "prune", "old", *rule, "--plan")
    assert re.search(rf"^goes\t{gone}\t\S.*newer", plan, re.MULTILINE), plan
    assert re.search(r"^space\told\t[1-9]\d+ bytes return", plan, re.MULTILINE), plan
    assert held(shared, tree) == [gone, kept]
    assert gone in done(shared, "prune", "old", *rule)
    assert held(shared, tree) == [kept]
