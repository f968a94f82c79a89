"""`builder secret …` as it is typed, and builds from private repositories, of whose secrets the farm keeps nothing."""

import json
import os
import pty
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from builder.wire import Role
from tests.support.certificates import Pki
from tests.support.packages import definition, git, packaging
from tests.support.private_git import HttpsGit, SshGit, https_git, new_key, ssh_git
from tests.support.processes import BIN, DEADLINE, Farm, eventually
from tests.support.searches import holders, seen_anywhere

pytestmark = pytest.mark.farm

TOKEN = "tok/en+of=the%farm"
USER = "ada"


@pytest.fixture(scope="module", name="https")
def _https(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpsGit]:
    """A server that lets in who has the token; its repository is `hello`."""
    folder = tmp_path_factory.mktemp("https")
    packaging(folder / "git", "hello")
    credentials = Pki(folder / "pki").right(Role.MASTER, hosts=("127.0.0.1",))
    with https_git(folder / "git", credentials, USER, TOKEN) as server:
        yield server


@pytest.fixture(scope="module", name="ssh")
def _ssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshGit]:
    with ssh_git(tmp_path_factory.mktemp("sshd") / "server") as server:
        yield server


@pytest.fixture(scope="module", name="farm")
def _farm(tmp_path_factory: pytest.TempPathFactory, mini_chroots: Path, https: HttpsGit) -> Iterator[Farm]:
    farm = Farm(tmp_path_factory.mktemp("farm"), mini_chroots)
    for slave in farm.slaves:
        slave.environment["GIT_SSL_CAINFO"] = str(https.ca)
    with farm:
        yield farm


def typed(farm: Farm, *words: str, code: int = 0) -> str:
    """What a command says: on standard output where it succeeds, and else in one sentence on standard error."""
    ended = farm.builder(*words, timeout=DEADLINE)
    assert ended.returncode == code, ended
    assert "Traceback" not in ended.stderr
    return ended.stderr if code else ended.stdout


def define(farm: Farm, project: str, url: str, secret: str | None = None) -> None:
    text = definition(project, {project: url})
    text = text.replace("ref: main}", f"ref: main, secret: {secret}}}") if secret else text
    farm.call("POST", "/api/v1/definition", text)


def keep(farm: Farm, folder: Path, project: str, value: str) -> str:
    """Set the secret `deploy` of a project by a file, and return what is said."""
    (folder / "value").write_text(value)
    return typed(farm, "secret", "set", project, "deploy", "--file", str(folder / "value"))


ROUTES = ("builds", "definition", "events", "operations", "packages", "slaves", "status")


def sourced(farm: Farm, package: str) -> dict[str, Any]:
    """A new build of `package` once its source job has ended; its other jobs are cancelled."""
    number = farm.call("POST", "/api/v1/builds", {"package": package})["number"]

    def ended() -> dict[str, Any] | None:
        build: dict[str, Any] = farm.get(f"/api/v1/builds/{number}")
        return build if build["jobs"][0]["state"] in {"succeeded", "failed"} else None

    build = eventually("the source job has ended", ended)
    if build["finished"] is None:
        typed(farm, "cancel", str(number))
    return build


def test_a_build_from_a_private_repository(farm: Farm, https: HttpsGit, tmp_path: Path) -> None:
    """It succeeds with the token, which is nowhere but in two processes' hands: not in what any daemon has written, not
    in arguments or environments, and in no answer, while it is used and afterwards.
    """
    define(farm, "hello", f"{https.url}/hello", "deploy")
    assert keep(farm, tmp_path, "hello", f"{USER}:{TOKEN}\n") == ("the token `deploy` of the project `hello` is set\n")
    https.hold()
    number = json.loads(typed(farm, "build", "hello", "--json"))["number"]
    assert https.held.wait(DEADLINE)
    try:
        forms = (TOKEN, quote(TOKEN, safe=""), https.expected.removeprefix("Basic "))
        given = holders(farm.folder, *forms)
        assert [(path.name, path.parent.name, path.stat().st_mode & 0o777) for path in given] == [
            ("token", "access", 0o600)
        ]
        assert seen_anywhere(*forms) == []
    finally:
        https.go_on()
    build = farm.finished(number)
    assert build["state"] == "succeeded", build
    assert holders(farm.folder, *forms) == []
    told = [typed(farm, "secret", "list", "--json"), typed(farm, "log", str(number), "source")]
    for route in (*ROUTES, f"builds/{number}"):
        with urllib.request.urlopen(f"{farm.url}/api/v1/{route}", timeout=DEADLINE) as answer:
            told.append(answer.read().decode())
    assert [text for text in told if any(form in text for form in forms)] == []


def test_a_build_with_a_deploy_key(farm: Farm, ssh: SshGit, tmp_path: Path) -> None:
    """The key opens the repository, and is nowhere afterwards."""
    url = packaging(tmp_path / "git", "keyed").removeprefix("file://")
    define(farm, "keyed", ssh.url(Path(url)), "deploy")
    private = new_key(tmp_path / "key")
    ssh.authorize(tmp_path / "key.pub")
    said = typed(farm, "secret", "set", "keyed", "deploy", "--file", str(tmp_path / "key"))
    assert said == "the ssh-key `deploy` of the project `keyed` is set\n"
    build = sourced(farm, "keyed")
    assert build["jobs"][0]["state"] == "succeeded", build
    assert build["commits"][0]["commit"] == git(Path(url), "rev-parse", "HEAD").strip()
    assert holders(farm.folder, *private.splitlines()[1:-1]) == []


def test_a_wrong_secret_and_none(farm: Farm, https: HttpsGit, tmp_path: Path) -> None:
    """Each is one sentence: that there is none before anything begins, or what the repository said to it."""
    define(farm, "closed", f"{https.url}/hello", "deploy")
    said = typed(farm, "build", "closed", code=3)
    assert said.endswith("names; `builder secret set closed deploy --file FILE` sets it\n")
    assert "the project `closed` has no secret `deploy`" in said
    keep(farm, tmp_path, "closed", "a-wrong-token")
    build = sourced(farm, "closed")
    assert f"{https.url}/hello cannot be read with the secret `deploy`: " in build["reason"]
    define(farm, "closed", f"{https.url}/hello")
    build = sourced(farm, "closed")
    assert "`builder secret set PROJECT NAME`" in build["reason"]
    assert holders(farm.folder, "a-wrong-token") == []


def test_listing_and_removing(farm: Farm, tmp_path: Path) -> None:
    """`list` tells names, kinds, who and when; `remove` forgets; what is not there is told."""
    define(farm, "listed", "https://git.example.org/listed.git")
    keep(farm, tmp_path, "listed", "a-first-token")
    keep(farm, tmp_path, "listed", "a-later-token")
    (row,) = typed(farm, "secret", "list", "listed").splitlines()
    assert row.split("\t")[:3] == ["listed", "deploy", "token"]
    (told,) = json.loads(typed(farm, "secret", "list", "listed", "--json"))
    assert set(told) == {"project", "name", "kind", "set_by", "time"}
    assert typed(farm, "secret", "remove", "listed", "deploy") == (
        "the secret `deploy` of the project `listed` is removed\n"
    )
    assert typed(farm, "secret", "list", "listed") == ""
    assert "has no secret `deploy`" in typed(farm, "secret", "remove", "listed", "deploy", code=3)


def test_typing_one(farm: Farm) -> None:
    """A terminal asks for a token and does not show it; a pipe is read without a question."""
    define(farm, "typed", "https://git.example.org/typed.git")
    terminal, end = pty.openpty()
    command = ["setsid", "--ctty", "--wait", str(BIN / "builder"), "secret", "set", "typed", "deploy"]
    with subprocess.Popen(command, env=farm.environment, stdin=end, stdout=end, stderr=end) as process:
        os.close(end)
        shown = b""
        with suppress(OSError), os.fdopen(terminal, "r+b", buffering=0) as screen:  # EIO is a terminal's end of file
            while b"(not shown): " not in shown:
                shown += screen.read(4096)
            screen.write(b"a-typed-token\n")
            while piece := screen.read(4096):
                shown += piece
        assert process.wait(DEADLINE) == 0
    assert b"a-typed-token" not in shown
    assert b"the token `deploy` of the project `typed` is set" in shown
    piped = [str(BIN / "builder"), "secret", "set", "typed", "piped"]
    ended = subprocess.run(
        piped, env=farm.environment, input=b"a-piped-token\n", capture_output=True, timeout=DEADLINE, check=True
    )
    assert ended.stdout == b"the token `piped` of the project `typed` is set\n"


@pytest.mark.parametrize(
    ("project", "value", "sentence"),
    [
        ("hello", "two words", "this is no secret for git"),
        ("hello", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n", "this private key cannot be read"),
        ("nobody", "a-good-token", "there is no project `nobody`"),
    ],
)
def test_what_cannot_be_kept_is_refused(farm: Farm, tmp_path: Path, project: str, value: str, sentence: str) -> None:
    """One sentence, exit code 3, and not a word of what was given."""
    (tmp_path / "value").write_text(value)
    file = str(tmp_path / "value")
    said = typed(farm, "secret", "set", project, "deploy", "--file", file, code=3)
    assert sentence in said
    assert value.splitlines()[-1] not in said


def test_a_stranger_sees_nothing(farm: Farm, tmp_path: Path) -> None:
    """What there is, is told only to who has a token of the farm."""
    client = tmp_path / "client.toml"
    client.write_text(f"url = '{farm.url}'\n")
    environment = {**os.environ, "BUILDER_CLIENT": str(client)}
    for words in (["list"], ["remove", "hello", "deploy"], ["set", "hello", "deploy", "--file", str(client)]):
        command = [str(BIN / "builder"), "secret", *words]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=DEADLINE, check=False)
        assert ended.returncode == 5, ended


def test_a_secret_that_is_gone_by_the_time_of_its_order(farm: Farm, https: HttpsGit, tmp_path: Path) -> None:
    """The key that opens it was changed behind the master's back: the build fails and says which file is wrong."""
    define(farm, "late", f"{https.url}/hello", "deploy")
    keep(farm, tmp_path, "late", f"{USER}:{TOKEN}")
    key = farm.state / "secrets.key"
    kept = key.read_bytes()
    key.unlink()
    try:
        build = sourced(farm, "late")
        assert build["state"] == "failed"
        assert "secrets.key in the master's state folder is missing" in build["reason"]
    finally:
        key.write_bytes(kept)
    assert sourced(farm, "late")["jobs"][0]["state"] == "succeeded"
