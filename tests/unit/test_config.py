"""The daemons' configuration: a frozen value, or every mistake with file, key and what would be right."""

import errno
import os
import re
from pathlib import Path

import pytest

from builder.config import (
    Address,
    Credentials,
    ExecutorName,
    HttpTls,
    MasterConfig,
    RepoConfig,
    SlaveConfig,
    is_loopback,
    parse_address,
    read_config,
    url_of,
)
from builder.errors import InvalidError

CREDENTIALS = '[credentials]\nca = "ca.pem"\ncertificate = "own.pem"\nkey = "own.key"\n'
SLAVE = 'state = "s"\nmaster = "farm.example.org:8442"\narchitectures = ["x86_64"]\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("ca.pem", "own.pem", "own.key"):
        (tmp_path / name).write_text("-")
    (tmp_path / "chroots").mkdir()
    return tmp_path


def written(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text)
    return folder / name


def mistakes(path: Path, wanted: type[MasterConfig | SlaveConfig | RepoConfig]) -> list[str]:
    with pytest.raises(InvalidError) as caught:
        read_config(path, wanted)
    assert all(mistake.startswith(f"{path}: ") for mistake in caught.value.mistakes)
    return [mistake.removeprefix(f"{path}: ") for mistake in caught.value.mistakes]


def test_a_master_is_told_what_stands_in_its_file(folder: Path) -> None:
    """Keys arrive, defaults stand for what is left out, and relative paths begin at the file."""
    path = written(
        folder, "master.toml", f'state = "/srv"\nchroots = ["chroots"]\nlease = 5\nhttp = "[::1]:80"\n{CREDENTIALS}'
    )
    assert read_config(path, MasterConfig) == MasterConfig(
        state=Path("/srv"),
        chroots=(folder / "chroots",),
        lease=5.0,
        http=Address(host="::1", port=80),
        credentials=Credentials(ca=folder / "ca.pem", certificate=folder / "own.pem", key=folder / "own.key"),
    )


def test_an_address_may_also_be_written_as_a_group(folder: Path) -> None:
    """`[master]` with host and port is the long form of `"HOST:PORT"`."""
    text = f'state = "s"\n{CREDENTIALS}[master]\nhost = "farm"\nport = 8442\n'
    assert read_config(written(folder, "repo.toml", text), RepoConfig).master == Address(host="farm", port=8442)


def test_one_file_may_hold_all_daemons(folder: Path) -> None:
    """In `builder.toml` each daemon reads its section, and mistakes are named with it."""
    section = CREDENTIALS.replace("[credentials]", "[slave.credentials]")
    path = written(folder, "builder.toml", f"[slave]\n{SLAVE}capacity = 0\n{section}")
    assert mistakes(path, SlaveConfig) == ["`slave.capacity` should be a whole number from 1 to 256, not `0`"]
    assert mistakes(path, RepoConfig) == ["`repo` is missing; it should be a section `[repo]`"]


def test_all_mistakes_are_told_together(folder: Path) -> None:
    """Unknown, missing, of the wrong type, out of range, unreadable: one run names them all."""
    text = 'state = 3\nhtpp = ""\nchroots = ["nowhere"]\nlease = -1\nchannels = ["../b"]\n'
    text += '[credentials]\nca = "gone"\nkey = ""\n'
    assert mistakes(written(folder, "master.toml", text), MasterConfig) == [
        "`state` should be the path of a file or folder, not `3`",
        "`htpp` is not known here; did you mean `http`?",
        "`lease` should be a number above 0, not `-1`",
        (
            "`channels[0]` should be a name of letters, digits and `._+~^-` that begins with a letter or digit, "
            "not `../b`"
        ),
        "`credentials.key` should be the path of a file or folder, not ``",
        "`credentials.certificate` is missing; it should be the path of a file or folder",
        f"`credentials.ca` names {folder}/gone, which cannot be read: No such file or directory",
        f"`chroots[0]` names {folder}/nowhere, which is no folder",
    ]


@pytest.mark.parametrize(
    ("line", "mistake"),
    [
        ('http = "127.0.0.1"', "`http` should be an address such as"),
        ('http = "127.0.0.1:99999"', "`http` should be an address such as"),
        ('http = {host = "a b", port = 80}', "`http.host` should be the name or address of a host, not `a b`"),
        ('http = {host = "a", port = 65536}', "`http.port` should be a whole number from 0 to 65535, not `65536`"),
        ('http = "127.0.0.1:8442"', "`rpc` should be another address than `http`, not `127.0.0.1:8442` too"),
        ('rpc = "0.0.0.0:8442"', "`url` is missing: slaves on other machines read the farm's repositories"),
        ("tries = true", "`tries` should be a whole number from 1 to 10, not `true`"),
        ("lease = inf", "`lease` should be a number above 0, not `inf`"),
        ("lease = nan", "`lease` should be a number above 0, not `nan`"),
        ('url = "farm.example.org"', "`url` should be a URL such as"),
        ('channels = "package"', "`channels` should be a list, each a name"),
        ("credentials = []", "`credentials` should be a group of keys (`ca`, `certificate`, `key`), not a list"),
        ('http_tls = {certificate = "own.pem", key = "gone"}', "`http_tls.key` names"),
    ],
)
def test_a_mistake_says_what_would_be_right(folder: Path, line: str, mistake: str) -> None:
    """One sentence per mistake, with its key and what would be right."""
    credentials = "" if line.startswith("credentials") else CREDENTIALS
    path = written(folder, "master.toml", f'state = "s"\nchroots = ["chroots"]\n{line}\n{credentials}')
    (told,) = mistakes(path, MasterConfig)
    assert told.startswith(mistake)


@pytest.mark.parametrize(
    ("content", "mistake"),
    [
        (b"state = \n", "this is not TOML: .*line 1"),
        (b"\xff", "this is not TOML: it is not UTF-8"),
        (b"state = " + b"[" * 100_000, "this is not TOML: "),
    ],
)
def test_what_is_not_toml_is_told_with_its_place(folder: Path, content: bytes, mistake: str) -> None:
    """A syntax error is one sentence too."""
    (folder / "repo.toml").write_bytes(content)
    (told,) = mistakes(folder / "repo.toml", RepoConfig)
    assert re.match(mistake, told)


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    """Nobody reads a traceback because of a typing error in a path."""
    assert mistakes(tmp_path / "repo.toml", RepoConfig) == [f"this file cannot be read: {os.strerror(errno.ENOENT)}"]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:0", Address(host="127.0.0.1", port=0)),
        ("farm.example.org:65535", Address(host="farm.example.org", port=65535)),
        ("[::]:8441", Address(host="::", port=8441)),
        ("::1:80", None),
        (":80", None),
        ("farm:65536", None),
        ("farm:٣", None),
        ("farm:80\n", None),
    ],
)
def test_addresses_are_host_and_port(text: str, address: Address | None) -> None:
    """What is not written `HOST:PORT` is no address."""
    assert parse_address(text) == address


@pytest.mark.parametrize(
    ("host", "tls", "url"),
    [
        ("127.0.0.1", False, "http://127.0.0.1:1"),
        ("::1", False, "http://[::1]:1"),
        ("localhost", True, "https://localhost:1"),
        ("farm.example.org", False, "https://farm.example.org:1"),
    ],
)
def test_people_reach_the_master_where_it_listens(folder: Path, host: str, tls: bool, url: str) -> None:
    """Plain on loopback, TLS elsewhere or where a certificate is given; what is configured wins."""
    own = Credentials(ca=folder, certificate=folder, key=folder)
    config = MasterConfig(
        state=folder,
        credentials=own,
        chroots=(),
        http=Address(host=host, port=1),
        http_tls=HttpTls(certificate=folder, key=folder) if tls else None,
    )
    assert url_of(config) == url
    assert is_loopback(config.http) == (host != "farm.example.org")


def test_a_slave_may_be_told_how_to_build(folder: Path) -> None:
    """By the name of an executor, and the path of a mock that is not in PATH."""
    mock = folder / "mock"
    mock.touch(0o755)
    told = read_config(
        written(folder, "slave.toml", f'{SLAVE}executor = "mock"\nmock = "mock"\n{CREDENTIALS}'), SlaveConfig
    )
    assert (told.executor, told.mock) == (ExecutorName.MOCK, mock)


def test_a_slave_is_told_what_is_no_executor(folder: Path) -> None:
    """Nor a program."""
    text = f'{SLAVE}executor = "koji"\nmock = "nowhere"\n{CREDENTIALS}'
    assert mistakes(written(folder, "slave.toml", text), SlaveConfig) == [
        "`executor` should be `auto` or `mock` or `chroot`, not `koji`",
        f"`mock` names {folder / 'nowhere'}, which is no program",
    ]
