"""Each command as it is typed, with its exit code and what it says; `docs/guides/command-line.md` promises them."""

import errno
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.cli.build import VERBS
from builder.cli.main import COMMANDS
from builder.model.build import BuildState
from builder.model.job import JobState
from builder.model.slave import HostFacts, Slave
from builder.model.step import StepName
from tests.support.command import builder, environment, on_a_terminal
from tests.support.farm import CHROOTS, MemoryFarm, attempt, client_toml, served

NO_FILE = os.strerror(errno.ENOENT)
NOBODY_LISTENS = os.strerror(errno.ECONNREFUSED)

DEFINITION = """\
project: demo
chroots: [fedora-43-x86_64]
packages:
  hello:
    style: release
    packaging: {git: https://git.example.org/hello-rpm.git, ref: main}
"""
THREE_MISTAKES = """\
project: demo
chroots: [fedora-43-x86]
netwrok: true
packages:
  hello:
    style: ci
    packaging: {git: https://git.example.org/hello-rpm.git}
"""


@pytest.fixture
def farm() -> MemoryFarm:
    return MemoryFarm()


@pytest.fixture
def client(farm: MemoryFarm, tmp_path: Path) -> Iterator[Path]:
    with served(farm) as url:
        yield client_toml(tmp_path, url)


@pytest.fixture
def defined(farm: MemoryFarm, client: Path) -> Path:
    assert builder("apply", "-f", "-", client=client, typed=DEFINITION.encode()).returncode == 0
    return client


# -- without a farm


def test_help_names_every_command() -> None:
    """`builder --help` is the table of contents."""
    done = builder("--help")
    assert done.returncode == 0
    assert all(f"\n    {name}" in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("noun", COMMANDS)
def test_each_command_has_help_of_its_own(noun: str) -> None:
    """`builder NOUN --help` says what it takes."""
    done = builder(noun, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: builder {noun}")


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_has_help_of_its_own(verb: str) -> None:
    """`builder build VERB --help` is about that verb."""
    assert builder("build", verb, "--help").stdout.startswith(f"usage: builder build {verb} ")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["build", "start"], "say what is to be built: packages by their NAMEs, or those of a --channel, or --all"),
        (["build", "hello", "--all"], "say what is to be built: packages by their NAMEs, or those of a --channel, or"),
        (["build", "start", "list"], "`list` is what one does with builds, and no package is called that"),
        (["build", "hello", "list"], "`list` is what one does with builds, and no package is called that"),
        (["build", "show", "hello"], "`hello` is not the number of a build, such as 17"),
        (["build", "list", "--limit", "0"], "`0` is not a number from 1 to 500"),
        (["watch", "0"], "`0` is not the number of a build"),
        (["log", "99999999999999999999"], "is not the number of a build"),
        (["build", "show", "10000000000000000000"], "`10000000000000000000` is not the number of a build"),
        (["build", "list", "--limit", "00000000500000"], "`00000000500000` is not a number from 1 to 500"),
        (["up", "--capacity", "0000000014096"], "`0000000014096` is not a number from 1 to 256"),
        (["build", "list", "--limit", "9" * 5000], "is not a number from 1 to 500"),
        (["build", "list", "--package", "\udcff"], "the argument b'\\xff' is not UTF-8"),
        (["export", "caf\udce9"], "the argument b'caf\\xe9' is not UTF-8"),
        (["apply", "-f", "/nonexistent/farm.yaml"], f"/nonexistent/farm.yaml cannot be read: {NO_FILE}"),
        (
            ["repo", "show", "hello/testing"],
            "`hello/testing` is not a repository, such as hello/testing/fedora-43/x86_64",
        ),
        (["repo", "rollback", "a/b/c/d", "0"], "`0` is not the number of a generation, such as 17"),
        (["repo", "undo", "hello"], "`hello` is not the number of an operation, such as 17"),
        (["repo", "prune", "hello", "--days", "3"], "--versions and --days go together"),
        (["promote", "--from", "testing", "--to", "stable"], "name packages, or builds by --build, or say --all"),
        (["up", "--http", "8441"], "`8441` is not an address such as 127.0.0.1:8441"),
        (["up", "--capacity", "none"], "`none` is not a number from 1 to 256"),
        (["check-config", "/nonexistent/x.conf"], "its name should be one of master.toml, slave.toml, repo.toml"),
        (["slave", "list"], "client.toml is missing: it says where the farm is"),
    ],
)
def test_a_typing_error_is_exit_code_2(arguments: list[str], sentence: str) -> None:
    """What makes no sense is told at once, and nothing is asked of a farm."""
    done = builder(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "program", "word"),
    [
        ([], "builder", "COMMAND"),
        (["bild", "hello"], "builder", "'bild'"),
        (["build"], "builder build", "VERB"),
        (["build", "show"], "builder build show", "BUILD"),
        (["apply"], "builder apply", "-f/--file"),
        (["repo", "pin", "a/b/c/d", "1"], "builder repo pin", "--reason"),
        (["pki", "issue", "queen", "x"], "builder pki issue", "'queen'"),
    ],
)
def test_a_word_that_is_missing_or_unknown_is_exit_code_2(arguments: list[str], program: str, word: str) -> None:
    """After how the command is used, the last line names the word; in which sentence is Python's to say."""
    done = builder(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"usage: {program} ")
    (*_, told) = done.stderr.splitlines()
    assert told.startswith(f"{program}: ")
    assert word in told


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ("", "`url` is missing"),
        ('url = "farm"\n', "`url` should be a URL such as"),
        ("url = 3\n", "`url` should be text, not `3`"),
        ('url = "http://x"\ntokn = "x"\n', "`tokn` is not known here"),
        ("url\n", "is not TOML"),
        ('url = "http://farm..example"\n', "`url` should be a URL such as"),
        ('url = "http://farm/ä"\n', "`url` should be a URL such as"),
        ('url = "http://farm\\u0000"\n', "`url` should be a URL such as"),
        ('url = "http://farm"\ntoken = "…"\n', "`token` should be ASCII without spaces and line ends"),
        ('url = "http://farm"\ntoken = "a\\nb"\n', "`token` should be ASCII without spaces and line ends"),
        ('url = "https://farm"\nca = "a\\u0000"\n', "cannot be read: no file has such a name"),
        (
            'url = "https://localhost"\nca = "/nonexistent.pem"\n',
            f"the CA's certificate /nonexistent.pem cannot be read: {NO_FILE}",
        ),
        ('url = "https://localhost"\nca = "/proc/version"\n', "/proc/version holds no certificate of a CA"),
    ],
)
def test_settings_with_mistakes_are_exit_code_2(tmp_path: Path, settings: str, sentence: str) -> None:
    """A wrong `client.toml` is told with its path and key."""
    path = tmp_path / "client.toml"
    path.write_text(settings)
    done = builder("slave", "list", client=path)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_check_config_names_all_mistakes_of_all_files(tmp_path: Path) -> None:
    """Configurations and definitions are checked offline, all at once, each mistake with its file."""
    (tmp_path / "slave.toml").write_text("capacity = 0\n")
    (tmp_path / "farm.yaml").write_text(THREE_MISTAKES)
    done = builder("check-config", str(tmp_path / "slave.toml"), str(tmp_path / "farm.yaml"))
    assert done.returncode == 3
    assert f"{tmp_path}/slave.toml: `capacity` should be a whole number from 1 to 256, not `0`" in done.stderr
    assert f"{tmp_path}/slave.toml: `master` is missing" in done.stderr
    assert f"{tmp_path}/farm.yaml: line 3: `netwrok` is not known here; did you mean `network`?" in done.stderr
    assert f"{tmp_path}/farm.yaml: line 5: `packages.hello.upstream` is missing" in done.stderr


def test_check_config_finds_mistakes_in_chroots(tmp_path: Path) -> None:
    """In a chroot's own file, and in those of a master's folders, which it would leave out."""
    chroot = tmp_path / "chroots" / "fedora-43-x86_64.toml"
    chroot.parent.mkdir()
    chroot.write_text('distribution = "fedora"\nversion = "43"\narchitecture = "x86_64"\ndist = "fc43"\n')
    for name in ("ca.pem", "own.pem", "own.key"):
        (tmp_path / name).touch()
    credentials = '{ca = "ca.pem", certificate = "own.pem", key = "own.key"}'
    (tmp_path / "master.toml").write_text(f'state = "s"\nchroots = ["chroots"]\ncredentials = {credentials}\n')
    for file in (chroot, tmp_path / "master.toml"):
        done = builder("check-config", str(file))
        assert done.returncode == 3
        assert f"{chroot}: `dist` should be empty or begin with a dot, as `.fc43` does, not `fc43`" in done.stderr
        assert f"{chroot}: `packages` is missing" in done.stderr


def test_check_config_says_when_there_is_no_mistake(tmp_path: Path) -> None:
    """No news would be taken for a file that was not looked at."""
    (tmp_path / "farm.yaml").write_text(DEFINITION)
    done = builder("check-config", str(tmp_path / "farm.yaml"))
    assert (done.returncode, done.stdout) == (0, f"{tmp_path}/farm.yaml: no mistakes\n")


@pytest.mark.parametrize("daemon", ["builder-master", "builder-slave", "builder-repo"])
def test_a_daemon_without_configuration_says_what_is_missing(tmp_path: Path, daemon: str) -> None:
    """A daemon that cannot start says why in one sentence, and ends with an exit code other than 0."""
    program = Path(sys.executable).parent / daemon
    done = subprocess.run(
        [program, "--config", tmp_path / "x.toml"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 3
    assert done.stderr == f"{tmp_path}/x.toml: this file cannot be read: {NO_FILE}\n"


def test_a_daemon_checks_its_configuration(tmp_path: Path) -> None:
    """`--check` reads it like a start would, and starts nothing."""
    for name in ("ca.pem", "slave.pem", "slave.key"):
        (tmp_path / name).write_text("-")
    credentials = 'credentials = {ca = "ca.pem", certificate = "slave.pem", key = "slave.key"}'
    config = tmp_path / "slave.toml"
    config.write_text(f'state = "s"\nmaster = "farm:8442"\narchitectures = ["x86_64"]\n{credentials}\n')
    command: list[str | Path] = [Path(sys.executable).parent / "builder-slave", "--check", "--config", config]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (0, f"{config}: no mistakes\n")


# -- the farm cannot be reached, or does not let one in


def test_a_farm_that_is_not_there_is_exit_code_4(tmp_path: Path) -> None:
    """Nobody listens: one sentence with the address."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        done = builder("build", "hello", client=client_toml(tmp_path, url))
    assert done.returncode == 4
    assert done.stderr == f"builder: {url} cannot be reached: {NOBODY_LISTENS}; is the master running?\n"


def test_something_else_than_a_farm_is_exit_code_4(tmp_path: Path) -> None:
    """Another program's port is told as such."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"https://127.0.0.1:{server.getsockname()[1]}"
        asking = subprocess.Popen(
            [Path(sys.executable).parent / "builder", "slave", "list"],
            env=environment(client_toml(tmp_path, url)),
            stderr=subprocess.PIPE,
        )
        with server.accept()[0] as connection:
            connection.sendall(b"220 mail.example.org ESMTP\r\n")
        _, said = asking.communicate(timeout=60)
    assert asking.returncode == 4
    assert said.decode().startswith(f"builder: {url} ")
    assert said.count(b"\n") == 1


def test_another_service_with_json_is_exit_code_4(tmp_path: Path) -> None:
    """Whatever answers without saying that it is a farm is told as such, however well it answers."""
    answer = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{"slaves": [1]}'
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        asking = subprocess.Popen(
            [Path(sys.executable).parent / "builder", "slave", "list"],
            env=environment(client_toml(tmp_path, url)),
            stderr=subprocess.PIPE,
        )
        with server.accept()[0] as connection:
            connection.recv(65_536)
            connection.sendall(answer)
        _, said = asking.communicate(timeout=60)
    assert (asking.returncode, said.decode()) == (4, f"builder: {url} does not answer as a farm does\n")


def test_an_unknown_host_is_exit_code_4(tmp_path: Path) -> None:
    """A name that leads nowhere is one sentence."""
    done = builder("slave", "list", client=client_toml(tmp_path, "http://farm.invalid"))
    assert done.returncode == 4
    assert done.stderr.startswith("builder: http://farm.invalid cannot be reached: ")


@pytest.mark.parametrize(
    "arguments", [["build", "hello"], ["cancel", "1"], ["build", "cancel", "1"], ["apply", "-f", "-"]]
)
def test_a_wrong_token_is_exit_code_5(client: Path, tmp_path: Path, arguments: list[str]) -> None:
    """Whoever may not change things is told so."""
    client.write_text(client.read_text().replace("a-token", "another"))
    done = builder(*arguments, client=client)
    assert (done.returncode, done.stderr) == (5, "builder: this needs a token\n")


# -- commands


def test_a_definition_is_applied_shown_and_exported(client: Path, tmp_path: Path) -> None:
    """`--dry-run` shows and changes nothing, `apply` does it, `export` gives back what `apply` takes."""
    file = tmp_path / "farm.yaml"
    file.write_text(DEFINITION)
    dry = builder("apply", "-f", str(file), "--dry-run", client=client)
    assert (dry.returncode, dry.stdout) == (
        0,
        "added project demo\nadded package demo/hello\n2 changes would be made\n",
    )
    assert builder("export", client=client).stdout == ""
    assert builder("apply", "-f", str(file), client=client).stdout.endswith("2 changes made\n")
    exported = builder("export", client=client)
    assert exported.returncode == 0
    again = builder("apply", "-f", "-", "--dry-run", client=client, typed=exported.stdout.encode())
    assert again.stdout == "nothing to change: the farm is as the definition says\n"
    changed = exported.stdout.replace("ref: main", "ref: v2").encode()
    told = builder("apply", "-f", "-", "--dry-run", client=client, typed=changed)
    assert "changed package demo/hello: packaging: {git: " in told.stdout


def test_three_mistakes_are_three_sentences_with_lines(client: Path) -> None:
    """The farm names every mistake, and nothing is changed."""
    done = builder("apply", "-f", "-", client=client, typed=THREE_MISTAKES.encode())
    assert done.returncode == 3
    assert [line.split("`")[0] for line in done.stderr.splitlines()] == [
        "builder: -: line 2: ",
        "builder: -: line 3: ",
        "builder: -: line 5: ",
    ]
    assert builder("export", client=client).stdout == ""


def test_a_definition_in_another_encoding_is_refused_before_it_is_sent(client: Path, farm: MemoryFarm) -> None:
    """What is not UTF-8 never reaches the farm."""
    done = builder("apply", "-f", "-", client=client, typed=b"project: caf\xe9\n")
    assert (done.returncode, done.stderr) == (2, "builder: - is not UTF-8: byte 12 is 0xe9\n")
    assert farm.asked == []


def test_a_build_is_requested_listed_shown_and_cancelled(defined: Path) -> None:
    """A build's life on the command line; piped output has a line per row with tabs and no headings."""
    asked = builder("build", "hello", "--force", client=defined)
    assert (asked.returncode, asked.stdout) == (0, "build 1 of demo/hello is queued: builder watch 1\n")
    (row,) = builder("build", "list", client=defined).stdout.splitlines()
    assert row.split("\t")[:3] == ["1", "demo/hello", "queued"]
    shown = builder("build", "show", "1", client=defined).stdout
    assert "package: demo/hello (forced)\nstate: queued\njobs: 1 queued, 1 waiting\n" in shown
    assert "fedora-43-x86_64\twaiting" in shown
    assert builder("build", "cancel", "1", "source", client=defined).stdout == "1/source is being cancelled\n"
    assert builder("cancel", "1", client=defined).stdout == "build 1 is cancelled\n"
    again = builder("cancel", "1", client=defined)
    assert (again.returncode, again.stderr) == (3, "builder: build 1 is cancelled already\n")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["build", "hallo"], "there is no package `hallo`"),
        (["build", "start", "hallo"], "there is no package `hallo`"),
        (["build", "--project", "other", "hello"], "there is no package `hello`"),
        (["build", "hello", "--chroot", "fedora-44-x86_64"], "`hello` is not built for `fedora-44-x86_64`"),
        (["build", "show", "7"], "there is no build 7"),
        (["watch", "7"], "there is no build 7"),
        (["watch", "7", "--json"], "there is no build 7"),
        (["log", "7"], "there is no build 7"),
        (["log", "7", "source"], "there is no build 7"),
        (["cancel", "7"], "there is no build 7"),
        (["package", "list", "--project", "other"], "there is no project `other`"),
    ],
)
def test_what_is_not_there_is_exit_code_3(defined: Path, arguments: list[str], sentence: str) -> None:
    """The farm's sentence is passed on as it is."""
    done = builder(*arguments, client=defined)
    assert (done.returncode, done.stdout, done.stderr) == (3, "", f"builder: {sentence}\n")


def test_the_log_that_matters_is_shown(defined: Path, farm: MemoryFarm) -> None:
    """`builder log N` shows the job that failed, `builder log N JOB` the one that is named, byte for byte."""
    farm.add("demo", "hello")
    early = builder("log", "1", client=defined)
    assert (early.returncode, early.stderr) == (3, "builder: build 1 is queued: no job of it has a log yet\n")
    farm.change(1, "source", JobState.SUCCEEDED, attempt(1, (StepName.FETCH, 0)))
    farm.change(1, CHROOTS[0], JobState.FAILED, attempt(1, (StepName.BUILD, 0)), reason="%build failed")
    farm.log(1, "source", 1, b"fetched\n")
    farm.log(1, CHROOTS[0], 1, b"gcc: \xff\x1b]0;x\x07 error\n")
    done = subprocess.run(
        [Path(sys.executable).parent / "builder", "log", "1"],
        env=environment(defined),
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == b"gcc: \xff\x1b]0;x\x07 error\n"
    assert done.stderr == b"builder: this is the log of 1/fedora-43-x86_64\n"
    assert builder("log", "1", "source", client=defined).stdout == "fetched\n"


def test_slaves_and_packages_are_listed(defined: Path, farm: MemoryFarm) -> None:
    """Who builds, and what."""
    farm.slaves = (
        Slave(
            name="slave1",
            connected=True,
            channels=("package",),
            architectures=("x86_64",),
            capacity=2,
            busy=1,
            seen=1_750_000_000.0,
            facts=HostFacts(executor="chroot"),
        ),
    )
    assert builder("slave", "list", client=defined).stdout.startswith(
        "slave1\tconnected\t1/2\tpackage\tx86_64\tchroot\t"
    )
    assert builder("package", "list", client=defined).stdout == "demo/hello\trelease\tpackage\tfedora-43-x86_64\t\t\n"


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (["build", "hello"], dict),
        (["build", "list"], list),
        (["build", "show", "1"], dict),
        (["build", "cancel", "1"], dict),
        (["cancel", "1"], dict),
        (["package", "list"], list),
        (["slave", "list"], list),
        (["export"], dict),
    ],
)
def test_json_is_what_the_farm_tells(defined: Path, farm: MemoryFarm, arguments: list[str], kind: type) -> None:
    """With `--json`, standard output is one JSON value and nothing else."""
    farm.add("demo", "hello")
    done = builder(*arguments, "--json", client=defined)
    assert (done.returncode, done.stderr) == (0, "")
    assert isinstance(json.loads(done.stdout), kind)


def test_a_reader_that_has_seen_enough_is_no_error(defined: Path, farm: MemoryFarm) -> None:
    """`builder build list | head -1` says nothing about pipes."""
    for _ in range(3):
        farm.add("demo", "hello")
    listing = subprocess.Popen(
        [Path(sys.executable).parent / "builder", "build", "list"],
        env=environment(defined),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert listing.stdout is not None
    listing.stdout.close()
    assert listing.stderr is not None
    assert listing.stderr.read() == b""
    listing.stderr.close()
    assert listing.wait(60) == 1


def test_output_in_another_encoding_is_no_error(client: Path) -> None:
    """Where a character cannot be shown, another one stands for it."""
    named = DEFINITION.replace("ref: main", "ref: größe").encode()
    assert builder("apply", "-f", "-", client=client, typed=named).returncode == 0
    done = subprocess.run(
        [Path(sys.executable).parent / "builder", "export"],
        env=environment(client) | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert b"ref: gr??e" in done.stdout


def test_a_terminal_gets_tables_colours_and_nothing_dangerous(defined: Path, farm: MemoryFarm) -> None:
    """Lists have headings and states their colours; what a build wrote cannot take the terminal over."""
    farm.add("demo", "hello")
    farm.change(1, "source", JobState.SUCCEEDED, attempt(1))
    farm.log(1, "source", 1, b"\x1b[32mok\x1b[0m\x1b]0;x\x07 \xc3\xa4\n")
    farm.finish(1, BuildState.FAILED)
    headings, row = on_a_terminal("build", "list", client=defined).splitlines()
    assert headings.split() == ["BUILD", "PACKAGE", "STATE", "REQUESTED", "TOOK", "BY", "REASON"]
    assert "\x1b[31mfailed\x1b[0m" in row
    unknown = "\N{REPLACEMENT CHARACTER}"
    assert f"\x1b[32mok\x1b[0m{unknown}]0;x{unknown} ä\n" in on_a_terminal("log", "1", "source", client=defined)


# -- what a command costs


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["build", "hello"],
        ["build", "list"],
        ["watch", "1"],
        ["log", "1", "source"],
        ["package", "list"],
        ["slave", "list"],
        ["repo", "list"],
        ["repo", "operations"],
        ["promote", "hello", "--from", "testing", "--to", "stable"],
        ["repo", "pin", "demo/testing/fedora-43/x86_64", "1", "--reason", "x"],
        ["apply", "-f", "-"],
        ["export"],
    ],
)
def test_the_client_imports_the_standard_library_alone(defined: Path, farm: MemoryFarm, arguments: list[str]) -> None:
    """Nothing but Builder's own modules is added to what Python loads by itself, so that a command answers at once."""
    farm.add("demo", "hello")
    farm.finish(1, BuildState.SUCCEEDED)
    script = (
        "import sys; before = set(sys.modules)\n"
        "from builder.cli.main import main\n"
        f"sys.argv = ['builder', *{arguments!r}]\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "roots = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(*sorted(roots - sys.stdlib_module_names - {'builder'}), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment(defined),
        input=DEFINITION.encode(),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.stderr.splitlines()[-1:] == [b""]


# -- the farm's CA


def test_a_ca_and_certificates_are_made_and_never_replaced(tmp_path: Path) -> None:
    """`pki init` once, `pki issue` once per name; what is there is not overwritten."""
    pki, out = tmp_path / "pki", tmp_path / "out"
    assert builder("pki", "init", "--pki", str(pki), "--farm", "example").returncode == 0
    issued = builder("pki", "issue", "slave", "slave1", "--pki", str(pki), "--out", str(out))
    assert issued.returncode == 0
    assert {path.name for path in out.iterdir()} == {"ca.pem", "slave-slave1.pem", "slave-slave1.key"}
    assert all(str(path) in issued.stdout for path in out.iterdir())
    for again in (["init"], ["issue", "slave", "slave1", "--out", str(out)]):
        refused = builder("pki", *again, "--pki", str(pki))
        assert refused.returncode == 3
        assert "exists already" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["issue", "repo", "repo"], "ca.pem is missing: make a CA with builder pki init"),
        (["issue", "slave", "../x"], "'../x' is not a name for a slave"),
        (["init", "--farm", "my farm"], "'my farm' is not a name for a farm"),
    ],
)
def test_a_certificate_that_cannot_be_made_is_exit_code_3(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    """No CA, or no name: one sentence."""
    done = builder("pki", *arguments, "--pki", str(tmp_path))
    assert done.returncode == 3
    assert sentence in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_exit_code_3() -> None:
    """What the operating system refuses is one sentence with the path."""
    done = builder("pki", "init", "--pki", "/proc/nowhere/pki")
    assert (done.returncode, done.stderr) == (3, f"builder: /proc/nowhere: {NO_FILE}\n")
