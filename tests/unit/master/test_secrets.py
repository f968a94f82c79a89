"""Secrets of projects at the master: what is taken, how it is kept, and what is told of it."""

import subprocess
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from builder.errors import ConflictError, InvalidError, NotFoundError
from builder.master.seal import Seal
from builder.master.secrets import Secrets, judged
from builder.master.store import projects, schema
from builder.master.store import secrets as stored_secrets
from builder.model.project import Project
from builder.model.secret import LONGEST, Secret, SecretKind
from tests.support.people import ADA
from tests.support.store import T0, MemoryStore, answer

TOKEN = "ada:a-token-of-a-test"


class Farm:
    """A store with the projects `hello` and `other`, whose key is a file below `folder`."""

    def __init__(self, folder: Path) -> None:
        self.key = folder / "secrets.key"
        self.store = MemoryStore()
        self.secrets = Secrets(self.store, Seal(self.key))
        for name in ("hello", "other"):
            project = Project(project=name, chroots=("fedora-43-x86_64",))
            answer(self.store.write(partial(projects.save, project=project)))
        answer(self.secrets.prepare())

    def set(self, text: str = TOKEN, project: str = "hello", name: str = "deploy") -> None:
        answer(self.secrets.set(project, name, text, ADA))

    def opened(self, project: str = "hello", name: str = "deploy") -> Secret:
        (sealed,) = answer(self.store.read(lambda connection: stored_secrets.sealed(connection, project, [name])))
        return self.secrets.open(project, sealed)

    def names(self, project: str | None = None) -> list[str]:
        return [f"{one.project}/{one.name}" for one in answer(self.secrets.listing(project, ADA))]


@pytest.fixture(name="farm")
def _farm(tmp_path: Path) -> Farm:
    return Farm(tmp_path)


def test_what_is_set_is_opened(farm: Farm) -> None:
    """The last value under a name is the one that an order carries."""
    farm.set("an-older-token")
    farm.set()
    assert farm.opened() == Secret(name="deploy", kind=SecretKind.TOKEN, value=TOKEN)
    assert farm.names() == ["hello/deploy"]


def test_what_is_told_says_who_and_when(farm: Farm) -> None:
    """The list is by project and name, of one project or of all, and has no values."""
    farm.set(project="other")
    farm.set(name="b")
    farm.set(name="a")
    assert farm.names() == ["hello/a", "hello/b", "other/deploy"]
    assert farm.names("other") == ["other/deploy"]
    (shown,) = answer(farm.secrets.listing("other", ADA))
    assert (shown.kind, shown.set_by) == (SecretKind.TOKEN, "ada")
    assert shown.time == T0
    assert "a-token-of-a-test" not in repr(shown)


def test_the_database_alone_opens_nothing(farm: Farm) -> None:
    """No column has the value, and the same value twice is not the same bytes."""
    farm.set(name="a")
    farm.set(name="b")
    rows = answer(farm.store.read(lambda connection: connection.execute(sa.select(schema.secrets)).all()))
    assert TOKEN.encode() not in b"".join(row.sealed for row in rows)
    assert "a-token-of-a-test" not in repr(rows)
    assert rows[0].sealed != rows[1].sealed


def test_the_key_is_its_owners_alone(farm: Farm) -> None:
    """It is in a file of its own that nobody else reads, and stays the same at the next start."""
    before = farm.key.read_bytes()
    assert farm.key.stat().st_mode & 0o777 == 0o600
    answer(farm.secrets.prepare())
    assert farm.key.read_bytes() == before


@pytest.mark.parametrize("change", [{"project": "other"}, {"name": "b"}])
def test_a_row_that_was_moved_does_not_open(farm: Farm, change: dict[str, str]) -> None:
    """What was sealed for one project and name is nothing in the place of another."""
    farm.set()
    moved = sa.update(schema.secrets).values(change)
    answer(farm.store.write(lambda connection: connection.execute(moved).rowcount))
    with pytest.raises(ConflictError, match=r"does not open: .* set the secret again") as caught:
        farm.opened(**change)
    assert "token" not in str(caught.value)


def test_another_key_opens_nothing(farm: Farm, tmp_path: Path) -> None:
    """The sentence says which file is the wrong one, and what to do."""
    farm.set()
    Seal(tmp_path / "another").prepare(in_use=False)
    farm.key.write_bytes((tmp_path / "another").read_bytes())
    with pytest.raises(ConflictError, match=r"secrets\.key .* is not the key that it was sealed with"):
        farm.opened()


def test_a_lost_key_is_told_and_not_made_anew(farm: Farm) -> None:
    """As long as something is sealed with it, it is to be put back; once that is gone, there is a new one."""
    farm.set()
    kept = farm.key.read_bytes()
    farm.key.unlink()
    for use in (farm.opened, farm.set, lambda: answer(farm.secrets.prepare())):
        with pytest.raises(ConflictError, match=r"secrets\.key in the master's state folder is missing"):
            use()
    farm.key.write_bytes(kept)
    assert farm.opened().value == TOKEN
    farm.key.unlink()
    answer(farm.secrets.remove("hello", "deploy", ADA))
    answer(farm.secrets.prepare())
    farm.set()
    assert farm.opened().value == TOKEN


@pytest.mark.parametrize("content", [b"", b"\xff\x00", b"aGVsbG8=\n"])
def test_a_file_that_holds_no_key_is_told(farm: Farm, content: bytes) -> None:
    """One sentence says which."""
    farm.key.write_bytes(content)
    with pytest.raises(ConflictError, match=r"secrets\.key in the master's state folder holds no key"):
        farm.set()


def test_removing(farm: Farm) -> None:
    """What is left is told; what is not there is refused."""
    farm.set()
    farm.set(name="other")
    assert [one.name for one in answer(farm.secrets.remove("hello", "deploy", ADA))] == ["other"]
    with pytest.raises(NotFoundError, match="the project `hello` has no secret `othre`; did you mean `other`"):
        answer(farm.secrets.remove("hello", "othre", ADA))
    with pytest.raises(NotFoundError, match="there is no project `hallo`"):
        answer(farm.secrets.remove("hallo", "deploy", ADA))


def test_a_project_that_is_not_there_keeps_nothing(farm: Farm) -> None:
    """Neither can it be asked."""
    with pytest.raises(NotFoundError, match="there is no project `hallo`"):
        farm.set(project="hallo")
    with pytest.raises(NotFoundError, match="there is no project `hallo`"):
        farm.names("hallo")


def key(folder: Path, *arguments: str) -> str:
    """A private key that ssh-keygen has made with these arguments."""
    command = ["ssh-keygen", "-q", "-C", "", *arguments, "-f", str(folder / "key")]
    subprocess.run(command, check=True, timeout=60)
    return (folder / "key").read_text()


KINDS = [("-t", "ed25519"), ("-t", "ecdsa"), ("-t", "rsa"), ("-t", "rsa", "-m", "PEM"), ("-t", "ecdsa", "-m", "PKCS8")]


@pytest.mark.parametrize("kind", KINDS, ids=" ".join)
def test_private_keys_are_known(tmp_path: Path, kind: tuple[str, ...]) -> None:
    """Whatever ssh-keygen makes, with whatever line ends it arrives."""
    text = key(tmp_path, "-N", "", *kind)
    assert judged(text) == (SecretKind.SSH_KEY, text)
    assert judged(f"\r\n{text.replace(chr(10), chr(13) + chr(10))}") == (SecretKind.SSH_KEY, text)


@pytest.mark.parametrize("kind", KINDS, ids=" ".join)
def test_a_key_with_a_passphrase_is_refused(tmp_path: Path, kind: tuple[str, ...]) -> None:
    """Nobody could type it."""
    with pytest.raises(InvalidError, match="has a passphrase"):
        judged(key(tmp_path, "-N", "a passphrase", *kind))


def test_what_is_no_key_is_refused(tmp_path: Path) -> None:
    """One sentence each, which does not repeat what was given."""
    text = key(tmp_path, "-N", "", "-t", "ed25519")
    with pytest.raises(InvalidError, match="cannot be read: it is damaged") as caught:
        judged(text.replace(text.splitlines()[2], ""))
    assert text.splitlines()[1] not in str(caught.value)
    with pytest.raises(InvalidError, match=r"without `\.pub`"):
        judged("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")
    with pytest.raises(InvalidError, match="should be a private ssh key"):
        judged((tmp_path / "key.pub").read_text())


@pytest.mark.parametrize("text", ["", "two words-and-more", "two\nlines-and-more", "ümlaut-token", ":no-user", "user:"])
def test_what_is_no_token_is_refused(text: str) -> None:
    """A token is one word of ASCII, with or without a user before it."""
    with pytest.raises(InvalidError, match="TOKEN or USER:TOKEN"):
        judged(text)


@pytest.mark.parametrize("text", ["short", "ada:short"])
def test_a_short_token_is_refused(text: str) -> None:
    """It would stand in innocent text, and nothing would be left of a log that is cleaned of it."""
    with pytest.raises(InvalidError, match="too short"):
        judged(text)


def test_a_secret_has_an_end() -> None:
    """Two have to have room in an order."""
    with pytest.raises(InvalidError, match=f"more than {LONGEST} characters"):
        judged("x" * (LONGEST + 1))


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=":"), min_size=8, max_size=100))
def test_tokens_are_kept_as_they_are(token: str) -> None:
    """Any printable character is good in a token."""
    assert judged(f"{token}\n") == (SecretKind.TOKEN, token)
    assert judged(f"ada:{token}\n") == (SecretKind.TOKEN, f"ada:{token}")


def test_a_secret_is_in_no_text_that_is_made_of_it() -> None:
    """A log or a traceback that has one by accident does not tell it."""
    secret = Secret(name="deploy", kind=SecretKind.TOKEN, value=TOKEN)
    assert TOKEN not in f"{secret} {secret!r} {[secret]}"
