"""Making and keeping keys with real gpg."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from builder.errors import UnavailableError
from builder.model.key import SigningKey
from builder.model.operation import KeyAction
from builder.repo.signing import gnupg, public_keys
from builder.repo.signing.keys import Keys, Turn
from tests.support.processes import eventually

NOW = 1_790_000_000.0
TURN = Turn(operation=1, action=KeyAction.CREATE)


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    """A folder whose path is longer than a socket's address may be."""
    state = tmp_path / ("long" * 30)
    for name in ("keys", "staging", "repos"):
        (state / name).mkdir(parents=True)
    return Keys(state / "keys", state / "staging", state / "repos")


def running(text: str) -> list[str]:
    """The processes that have this in their environment or command line, and live."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            told = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except OSError:
            continue
        if text.encode() in told and entry.name != str(os.getpid()):
            found.append(f"{entry.name} {told[:200]!r}")
    return found


def test_a_key_is_made_and_served(keys: Keys, tmp_path: Path) -> None:
    """A key is kept where nobody else can read it, its public half is served, and no agent stays behind."""
    fingerprint = keys.make("hello", NOW)
    assert public_keys.read(tmp_path / ("long" * 30) / "repos", "hello") == ()
    key = SigningKey(fingerprint=fingerprint, since=NOW)
    keys.save("hello", TURN, (key,))
    keys.serve("hello")
    home = keys.home("hello", fingerprint)
    for folder in (home, home.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    repos = tmp_path / ("long" * 30) / "repos"
    assert public_keys.read(repos, "hello") == (key,)
    shown = subprocess.run(
        ["gpg", "--show-keys", "--with-colons", public_keys.path(repos, "hello")],
        env={**os.environ, "GNUPGHOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert f"fpr:::::::::{fingerprint}:" in shown
    assert "sec:" not in shown
    assert not list(home.glob("S.*"))
    assert not list((home.parent.parent.parent / "staging").iterdir())
    eventually("no agent is left", lambda: not running(f"/proc/{os.getpid()}/fd/"))


def test_what_the_ring_does_not_name_is_removed(keys: Keys) -> None:
    """A key that was made and never used, and one that is retired, are gone for good."""
    used = keys.make("hello", NOW)
    keys.save("hello", TURN, (SigningKey(fingerprint=used, since=NOW),))
    unused = keys.make("hello", NOW)
    keys.tidy("hello")
    assert not keys.home("hello", unused).exists()
    assert keys.public("hello", used).exists()
    keys.save("hello", TURN, ())
    keys.tidy("hello")
    assert not keys.home("hello", used).exists()


def test_one_program_after_the_other(tmp_path: Path) -> None:
    """The next program finds nothing of the agent before, however short it lived."""
    tmp_path.chmod(0o700)
    for _ in range(10):
        gnupg.run_with_agent(tmp_path, ("gpg-connect-agent", "--no-autostart", "GETINFO pid", "/bye"), 30)
    assert not list(tmp_path.glob("S.*"))


def test_a_program_that_does_not_end_is_ended(tmp_path: Path) -> None:
    """What takes too long is killed with all it has started, and the sentence says which program it was."""
    mark = f"builder-test-{os.getpid()}"
    script = (
        f"import subprocess, time; subprocess.Popen(['sleep', '600']); print('{mark}', flush=True); time.sleep(600)"
    )
    with pytest.raises(UnavailableError, match="took more than 1 s"):
        gnupg.run((sys.executable, "-c", script), 1, {"MARK": mark})
    eventually("nothing of it is left", lambda: not running(mark))


def test_a_program_that_fails_says_why(tmp_path: Path) -> None:
    """The reason is the program's own words."""
    with pytest.raises(UnavailableError, match=r"gpgv failed: .*nothing\.asc"):
        gnupg.run(("gpgv", "--keyring", tmp_path / "none", tmp_path / "nothing.asc"), 30)


def test_nothing_outlives_a_killed_process(tmp_path: Path) -> None:
    """A process that is killed while it signs takes the program with it; the agent goes when it notices."""
    tmp_path.chmod(0o700)
    script = (
        "import sys; from pathlib import Path; from builder.repo.signing import gnupg;"
        f"gnupg.run_with_agent(Path({str(tmp_path)!r}), ('sleep', '600'), 600)"
    )
    child = subprocess.Popen([sys.executable, "-c", script])
    prefix = f"/proc/{child.pid}/fd/"
    eventually("the program and its agent are there", lambda: len(running(prefix)) == 2)
    child.send_signal(signal.SIGKILL)
    child.wait()
    eventually("nothing is left", lambda: not running(prefix))
