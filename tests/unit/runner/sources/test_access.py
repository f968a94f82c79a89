"""What git is given to read a private repository with, and what becomes of an order's secrets on a slave."""

from pathlib import Path

import msgspec
import pytest

from builder.attempt.folder import AttemptFolder
from builder.model.attempt import AttemptState, Outcome
from builder.model.secret import Secret, SecretKind
from builder.model.work import SourceWork
from builder.runner.sources.access import Access, access, granted
from builder.slave.journal import Journal
from builder.state import SlaveFolder
from tests.support.attempts import RealAttempt
from tests.support.orders import order, source_work

VALUE = "a-token/of a test".replace(" ", "+")
SECRET = Secret(name="deploy", kind=SecretKind.TOKEN, value=f"ada:{VALUE}")
KEY = Secret(name="key", kind=SecretKind.SSH_KEY, value="-----BEGIN X-----\nAAAABBBB\n-----END X-----\n")


def work(*secrets: Secret) -> SourceWork:
    made = source_work(upstream="https://example.org/hello.git")
    packaging = msgspec.structs.replace(made.packaging, secret="deploy")
    return msgspec.structs.replace(made, packaging=packaging, secrets=secrets)


def recorded(state: Path) -> AttemptFolder:
    return Journal(SlaveFolder(state)).record(order(work(SECRET)))


def text_of(folder: Path) -> str:
    return "".join(path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file())


class TestOrder:
    def test_a_secret_is_kept_apart(self, tmp_path: Path) -> None:
        """The order says what is to be done, and a file for its owner alone has what nobody else may read."""
        folder = recorded(tmp_path)
        assert folder.order == order(work())
        assert VALUE not in (folder.path / "order.json").read_text()
        assert (folder.path / "secrets").stat().st_mode & 0o777 == 0o600

    def test_it_is_taken_once(self, tmp_path: Path) -> None:
        """Who has it is the only one."""
        folder = recorded(tmp_path)
        assert folder.take_secrets() == (SECRET,)
        assert folder.take_secrets() == ()
        assert VALUE not in text_of(tmp_path)

    def test_an_attempt_that_has_ended_has_none(self, tmp_path: Path) -> None:
        """Also where no runner ever began with it."""
        recorded(tmp_path).finish(Outcome(state=AttemptState.CANCELLED))
        assert VALUE not in text_of(tmp_path)

    def test_what_is_parked_has_none(self, tmp_path: Path) -> None:
        """Somebody has a month to look at it."""
        folder = recorded(tmp_path)
        Journal(SlaveFolder(tmp_path)).park(folder)
        assert VALUE not in text_of(tmp_path)

    def test_an_order_without_secrets_has_no_such_file(self, tmp_path: Path) -> None:
        """Which is most of them."""
        folder = Journal(SlaveFolder(tmp_path)).record(order(work()))
        assert not (folder.path / "secrets").exists()
        assert folder.take_secrets() == ()


class TestAccess:
    def test_it_is_for_the_place_that_names_it(self) -> None:
        """The other place of the package, without a secret or with another one, gets nothing of it."""
        made = work(KEY, SECRET)
        assert access(made, made.packaging) == Access(project="farm", secret=SECRET)
        assert made.upstream
        assert access(made, made.upstream) is None
        assert access(work(), made.packaging) is None

    @pytest.mark.parametrize("secret", [SECRET, KEY], ids=["token", "key"])
    def test_git_finds_it_in_a_file_that_does_not_stay(self, tmp_path: Path, secret: Secret) -> None:
        """Neither its words nor its variables have the secret, and the file is its owner's while it is there."""
        workspace = RealAttempt(tmp_path, order(work())).workspace()
        with granted(workspace, "https://h/x.git", Access(project="farm", secret=secret)) as grant:
            (file,) = (workspace.work / "access").iterdir()
            assert file.stat().st_mode & 0o077 == 0
            said = f"{grant.settings} {grant.environment}"
            assert str(file) in said
            assert VALUE not in said
            assert "AAAABBBB" not in said
        assert not (workspace.work / "access").exists()

    def test_a_token_is_for_scheme_host_and_port(self, tmp_path: Path) -> None:
        """As git's helper wants it, with whatever is special in a URL written otherwise."""
        workspace = RealAttempt(tmp_path, order(work())).workspace()
        with granted(workspace, "https://h:8443/x.git", Access(project="farm", secret=SECRET)):
            written = (workspace.work / "access/token").read_text()
        assert written == "https://ada:a-token%2Fof%2Ba%2Btest@h:8443\n"

    def test_without_a_secret_nothing_is_given(self, tmp_path: Path) -> None:
        """A public repository is read as ever."""
        workspace = RealAttempt(tmp_path, order(work())).workspace()
        with granted(workspace, "https://h/x.git", None) as grant:
            assert grant == ((), {})


class TestHiding:
    @pytest.mark.parametrize("form", [VALUE, "a-token%2Fof%2Ba%2Btest", "YWRhOmEtdG9rZW4vb2YrYSt0ZXN0"])
    def test_a_token_is_taken_out_in_every_form(self, form: str) -> None:
        """As it is, as in a URL, and as in the header of a request."""
        assert Access(project="farm", secret=SECRET).hide(f"remote: you said {form}!") == "remote: you said ***!"

    def test_a_key_is_taken_out_line_by_line(self) -> None:
        """Also of text that has only part of it."""
        assert Access(project="farm", secret=KEY).hide("it says AAAABBBB") == "it says ***"
