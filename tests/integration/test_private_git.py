"""Private repositories, with a real sshd and real git over https: who gets in, and where a secret is seen."""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import msgspec
import pytest

from builder.model.attempt import AttemptState, FailureKind, Outcome
from builder.model.package import GitSource
from builder.model.secret import Secret, SecretKind
from builder.model.work import SourceWork
from builder.wire import Role
from tests.support.attempts import RealAttempt
from tests.support.certificates import Pki
from tests.support.orders import order, source_work
from tests.support.packages import git, packaging
from tests.support.private_git import HttpsGit, SshGit, https_git, new_key, ssh_git
from tests.support.searches import holders, seen_anywhere

TOKEN = "tok/en+with=strange%signs"
USER = "ada"


@pytest.fixture(scope="module", name="pki")
def _pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module", name="root")
def _root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the private repository `hello`."""
    folder = tmp_path_factory.mktemp("git")
    packaging(folder, "hello")
    return folder


@pytest.fixture(name="https")
def _https(root: Path, pki: Pki, monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpsGit]:
    credentials = pki.right(Role.MASTER, hosts=("127.0.0.1",))
    monkeypatch.setenv("GIT_SSL_CAINFO", str(credentials.ca))
    with https_git(root, credentials, USER, TOKEN) as server:
        yield server


@pytest.fixture(scope="module", name="ssh")
def _ssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshGit]:
    with ssh_git(tmp_path_factory.mktemp("ssh") / "server") as server:
        yield server


def token(value: str = f"{USER}:{TOKEN}") -> Secret:
    return Secret(name="deploy", kind=SecretKind.TOKEN, value=value)


def private(url: str, secret: Secret | None, project: str = "farm") -> SourceWork:
    """The work that the master orders for a repository that names a secret."""
    work = source_work(url)
    if secret is None:
        return work
    place = msgspec.structs.replace(work.packaging, secret=secret.name)
    return msgspec.structs.replace(work, project=project, packaging=place, secrets=(secret,))


def carried_out(state: Path, work: SourceWork) -> tuple[RealAttempt, Outcome]:
    """An attempt that has ended, and how."""
    attempt = RealAttempt(state, order(work, attempt=os.urandom(16).hex()))
    return attempt, attempt.carry_out()


def assert_refused(outcome: Outcome, *words: str) -> None:
    assert (outcome.state, outcome.kind) == (AttemptState.FAILED, FailureKind.SOURCES), outcome.reason
    assert "\n" not in outcome.reason
    for word in words:
        assert word in outcome.reason


class TestToken:
    def test_the_right_one_opens(self, tmp_path: Path, https: HttpsGit) -> None:
        """The SRPM is made, and nothing that is left of the attempt or kept for the next one holds the token."""
        attempt, outcome = carried_out(tmp_path, private(f"{https.url}/hello", token()))
        assert outcome.state is AttemptState.SUCCEEDED, attempt.log
        assert https.offered
        assert set(https.offered) == {https.expected}
        assert holders(tmp_path, TOKEN, "tok%2Fen", https.expected.removeprefix("Basic ").rstrip("=")) == []

    def test_a_wrong_one_does_not(self, tmp_path: Path, https: HttpsGit) -> None:
        """One sentence names the repository and the secret, and not what it is."""
        attempt, outcome = carried_out(tmp_path, private(f"{https.url}/hello", token("ada:wrong-token")))
        assert_refused(outcome, f"{https.url}/hello cannot be read with the secret `deploy`", "Authentication failed")
        assert "wrong-token" not in attempt.log

    def test_without_one_it_is_said_how_to_set_one(self, tmp_path: Path, https: HttpsGit) -> None:
        """The sentence has the command."""
        _, outcome = carried_out(tmp_path, private(f"{https.url}/hello", None))
        assert_refused(outcome, f"{https.url}/hello cannot be read", "`builder secret set PROJECT NAME`")

    def test_a_redirection_takes_it_nowhere(self, tmp_path: Path, https: HttpsGit, root: Path, pki: Pki) -> None:
        """Another host never sees it, also when it asks for it."""
        credentials = pki.right(Role.MASTER, hosts=("127.0.0.1",))
        with https_git(root, credentials, USER, TOKEN) as other:
            https.elsewhere = other.url
            _, outcome = carried_out(tmp_path, private(f"{https.url}/hello", token()))
        assert_refused(outcome, f"{https.url}/hello cannot be read")
        assert other.offered == []

    def test_the_slaves_own_helpers_never_see_it(
        self, tmp_path: Path, https: HttpsGit, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """git tells each helper that is configured what has worked: here, ours alone."""
        settings = tmp_path / "gitconfig"
        settings.write_text(f"[credential]\n\thelper = store --file={tmp_path}/kept\n")
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
        _, outcome = carried_out(tmp_path / "state", private(f"{https.url}/hello", token()))
        assert outcome.state is AttemptState.SUCCEEDED
        assert not (tmp_path / "kept").exists()

    def test_the_slaves_own_user_is_nobody(
        self, tmp_path: Path, https: HttpsGit, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A place without a secret is read without one, whatever lies in his home: helpers or a `.netrc`."""
        kept, settings = tmp_path / "kept", tmp_path / "gitconfig"
        kept.write_text(f"https://{USER}:{quote(TOKEN, safe='')}@{https.url.removeprefix('https://')}\n")
        settings.write_text(f"[credential]\n\thelper = store --file={kept}\n")
        (tmp_path / ".netrc").write_text(f"machine 127.0.0.1 login {USER} password {TOKEN}\n")
        for name, value in {"HOME": tmp_path, "GIT_CONFIG_GLOBAL": settings, "GIT_CONFIG_SYSTEM": settings}.items():
            monkeypatch.setenv(name, str(value))
        assert_refused(carried_out(tmp_path / "state", private(f"{https.url}/hello", None))[1], "cannot be read")
        assert https.offered == []

    def test_the_systems_authorities_are_believed(
        self, tmp_path: Path, https: HttpsGit, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The way to a host is the system's, also where its git alone knows it."""
        settings = tmp_path / "gitconfig"
        settings.write_text(f'[http]\n\tsslCAInfo = "{os.environ["GIT_SSL_CAINFO"]}"\n')
        monkeypatch.delenv("GIT_SSL_CAINFO")
        monkeypatch.setenv("GIT_CONFIG_SYSTEM", str(settings))
        attempt, outcome = carried_out(tmp_path / "state", private(f"{https.url}/hello", token()))
        assert outcome.state is AttemptState.SUCCEEDED, attempt.log

    def test_what_a_server_repeats_is_not_logged(self, tmp_path: Path, https: HttpsGit) -> None:
        """A token that comes back in what the other side says, as it is or as it was sent, is left out."""
        https.expected = "Basic another"
        attempt, outcome = carried_out(tmp_path, private(f"{https.url}/hello", token()))
        assert_refused(outcome, "cannot be read with the secret `deploy`")
        assert "remote: you said Basic ***= which is ada:***" in attempt.log
        assert TOKEN not in attempt.log


class TestMirror:
    def test_a_private_mirror_is_nobody_elses(self, tmp_path: Path, https: HttpsGit) -> None:
        """A project without the secret gets nothing of what another one has fetched."""
        url = f"{https.url}/hello"
        assert carried_out(tmp_path, private(url, token()))[1].state is AttemptState.SUCCEEDED
        (mirror,) = (tmp_path / "git").iterdir()
        assert mirror.stat().st_mode & 0o077 == 0
        assert_refused(carried_out(tmp_path, private(url, None))[1], "cannot be read")
        wrong = private(url, token("ada:wrong-token"), project="other")
        assert_refused(carried_out(tmp_path, wrong)[1], "cannot be read with the secret")
        (first, second, third) = (tmp_path / "git").iterdir()
        assert len({first, second, third}) == 3

    def test_a_mirror_opens_only_as_long_as_the_repository_does(self, tmp_path: Path, https: HttpsGit) -> None:
        """What was fetched with a secret that has been withdrawn is not built from."""
        work = private(f"{https.url}/hello", token())
        assert carried_out(tmp_path, work)[1].state is AttemptState.SUCCEEDED
        https.expected = "Basic another"
        assert_refused(carried_out(tmp_path, work)[1], "cannot be read with the secret")

    def test_the_upstream_has_a_secret_of_its_own(self, tmp_path: Path, root: Path, https: HttpsGit) -> None:
        """A public packaging repository is read without, a private upstream with its secret, both times."""
        url = packaging(tmp_path / "public", "hello", requires=("gcc\nSource0: hello-1.0.tar.gz",))
        upstream = GitSource(git=f"{https.url}/hello", ref="main", secret="deploy")
        work = msgspec.structs.replace(source_work(url, upstream.git), upstream=upstream, secrets=(token(),))
        attempt, outcome = carried_out(tmp_path / "state", work)
        assert outcome.state is AttemptState.SUCCEEDED, attempt.log
        assert git(root / "hello", "rev-parse", "HEAD").strip() == outcome.source.commits[1].commit  # type: ignore[union-attr]  # it has succeeded


class TestKey:
    def key(self, folder: Path) -> Secret:
        folder.mkdir(exist_ok=True)
        return Secret(name="deploy", kind=SecretKind.SSH_KEY, value=new_key(folder / "key"))

    def test_the_right_one_opens(self, tmp_path: Path, root: Path, ssh: SshGit) -> None:
        """The SRPM is made, nothing is left that holds the key, and the host is known from now on."""
        secret = self.key(tmp_path / "a")
        ssh.authorize(tmp_path / "a" / "key.pub")
        state = tmp_path / "100% state"
        attempt, outcome = carried_out(state, private(ssh.url(root / "hello"), secret))
        assert outcome.state is AttemptState.SUCCEEDED, attempt.log
        assert f"[127.0.0.1]:{ssh.port} " in (state / "ssh/farm/known_hosts").read_text()
        assert holders(state, *secret.value.splitlines()[1:-1]) == []

    def test_a_wrong_one_does_not(self, tmp_path: Path, root: Path, ssh: SshGit) -> None:
        """One sentence names repository and secret; no key of the slave's own is tried instead."""
        self.key(tmp_path / "a")
        ssh.authorize(tmp_path / "a" / "key.pub")
        _, outcome = carried_out(tmp_path / "state", private(ssh.url(root / "hello"), self.key(tmp_path / "b")))
        assert_refused(outcome, "cannot be read with the secret `deploy`: ", "publickey")

    def test_another_host_in_the_place_of_a_known_one_is_not_believed(
        self, tmp_path: Path, root: Path, ssh: SshGit
    ) -> None:
        """The key that a host was met with is the one that it has to have."""
        secret = self.key(tmp_path / "a")
        ssh.authorize(tmp_path / "a" / "key.pub")
        work = private(ssh.url(root / "hello"), secret)
        assert carried_out(tmp_path / "state", work)[1].state is AttemptState.SUCCEEDED
        ssh.renew_host_key()
        assert_refused(carried_out(tmp_path / "state", work)[1], "Host key verification failed")


class TestRunner:
    def test_a_killed_runner_leaves_no_secret(self, tmp_path: Path, https: HttpsGit) -> None:
        """While it fetches, only files for its user have the token; when the next runner has cleared up, none has."""
        https.hold()
        work = private(f"{https.url}/hello", token())
        attempt = RealAttempt(tmp_path, order(work))
        (kept,) = holders(tmp_path, TOKEN)
        assert kept.stat().st_mode & 0o077 == 0
        attempt.start()
        assert https.held.wait(60)
        try:
            given = holders(tmp_path, "tok%2Fen")
            assert [path.parent.name for path in given] == ["access"]
            assert [path.stat().st_mode & 0o077 for path in given] == [0]
            assert not kept.exists()
            assert seen_anywhere(TOKEN, "tok%2Fen") == []
            attempt.kill()
        finally:
            https.go_on()
        assert attempt.run().state is AttemptState.BROKEN
        assert holders(tmp_path, TOKEN, "tok%2Fen") == []
