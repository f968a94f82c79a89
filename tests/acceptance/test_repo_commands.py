"""`builder repo …` as it is typed, against a farm of real processes with real packages."""

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.packages import definition, packaging
from tests.support.processes import BIN, DEADLINE, Farm, eventually

pytestmark = pytest.mark.farm

REPO = "hello/testing/mini-12/x86_64"
SOURCE = "hello/testing/mini-12/source"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, mini_chroots: Path) -> Iterator[Farm]:
    """A farm whose project `hello` has two versions of its package: generation 1 is empty, 2 and 3 have one more."""
    folder = tmp_path_factory.mktemp("farm")
    with Farm(folder, mini_chroots) as farm:
        for version in ("1.0", "1.1"):
            url = packaging(folder / "git", "hello", version=version)
            farm.call("POST", "/api/v1/definition", definition("hello", {"hello": url}))
            build = farm.finished(farm.call("POST", "/api/v1/builds", {"package": "hello"})["number"])
            assert build["state"] == "succeeded", build
        yield farm


def done(farm: Farm, *typed: str) -> str:
    """What a command says that succeeds."""
    ended = farm.builder("repo", *typed)
    assert (ended.returncode, ended.stderr) == (0, ""), ended
    return ended.stdout


def refused(farm: Farm, *typed: str) -> str:
    """The sentence with which a command is refused; there is nothing else."""
    ended = farm.builder("repo", *typed)
    assert ended.returncode == 3, ended
    assert "Traceback" not in ended.stderr
    return ended.stderr


def held(farm: Farm, repository: str = REPO) -> list[str]:
    """The NEVRAs that a repository holds, as `show` tells."""
    return [package["nevra"] for package in json.loads(done(farm, "show", repository, "--json"))["packages"]]


def current(farm: Farm, repository: str = REPO) -> int:
    """The number of its current generation."""
    return int(json.loads(done(farm, "show", repository, "--json"))["generation"])


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
    url = packaging(tmp_path / "git", "oops")
    shared.call("POST", "/api/v1/definition", definition("oops", {"oops": url}))
    assert shared.finished(shared.call("POST", "/api/v1/builds", {"package": "oops"})["number"])["state"] == "succeeded"
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
    url = packaging(tmp_path / "git", "goes")
    shared.call("POST", "/api/v1/definition", definition("goes", {"goes": url}))
    assert shared.finished(shared.call("POST", "/api/v1/builds", {"package": "goes"})["number"])["state"] == "succeeded"
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
    code, said, _ = promote(shared, "goes", "--force")
    assert (code, held(shared, stable)) == (0, [package]), said


def test_old_versions_are_pruned_after_a_plan(shared: Farm, tmp_path: Path) -> None:
    """`prune --plan` tells what would go and removes nothing; `prune` lets it leave."""
    for version in ("1.0", "1.1"):
        url = packaging(tmp_path / "git", "old", version=version)
        shared.call("POST", "/api/v1/definition", definition("old", {"old": url}))
        number = shared.call("POST", "/api/v1/builds", {"package": "old"})["number"]
        assert shared.finished(number)["state"] == "succeeded"
    tree, kept, gone = "old/testing/mini-12/x86_64", "old-1.1-1.mini12.noarch", "old-1.0-1.mini12.noarch"
    rule = ("--versions", "1", "--days", "0")
    assert gone in done(shared, "prune", "old", *rule, "--plan")
    assert held(shared, tree) == [gone, kept]
    assert gone in done(shared, "prune", "old", *rule)
    assert held(shared, tree) == [kept]
