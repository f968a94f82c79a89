"""The secret keys, one gpg home each, which nobody but the repository builder's user may read.

    keys/<project>/keys.json                     which keys the project has
    keys/<project>/<fingerprint>/                a gpg home with this key alone, which therefore is the keyring that
                                                 holds only that key; and public.asc

A key has no passphrase: see docs/decisions/keys-without-passphrase.md.
"""

import re
from pathlib import Path

import msgspec
from twisted.logger import Logger

from builder import files
from builder.errors import UnavailableError, VersionError
from builder.model import Value
from builder.model.key import SigningKey
from builder.model.operation import KeyAction
from builder.repo.signing import gnupg, public_keys

ALGORITHM = "rsa3072"
"""gpg's own choice, which every rpm and every dnf in use can check; they came to elliptic curves late."""
_SECONDS = 300
"""Seconds that making a key may take: it takes a second, but more on a host without entropy or time."""
_REMEMBERED = 100
"""Number of operations that are remembered: more than ever wait for an answer together."""
_PUBLIC = "public.asc"
_LIST = "keys.json"

_log = Logger()


class Turn(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A turn of the keys: an operation that has changed a project's keys."""

    operation: int
    action: KeyAction


class Ring(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The content of `keys.json`: a project's keys, the current one first, and the newest turns of them."""

    keys: tuple[SigningKey, ...] = ()
    turns: tuple[Turn, ...] = ()

    @property
    def current(self) -> str:
        """The fingerprint of the key that signs, empty if there is none."""
        return self.keys[0].fingerprint if self.keys else ""


class Keys:
    """The folder `keys/`. Homes are made in `staging`, on the same file system; public keys are served in `repos`."""

    def __init__(self, folder: Path, staging: Path, repos: Path) -> None:
        self._folder = folder
        self._staging = staging
        self._repos = repos

    def ring(self, project: str) -> Ring:
        """Return the keys of a project.

        Raises:
            VersionError: Another version has written the list, or it is damaged.
        """
        path = self._folder / project / _LIST
        try:
            return msgspec.json.decode(path.read_bytes(), type=Ring)
        except FileNotFoundError:
            return Ring()
        except msgspec.MsgspecError as error:
            raise VersionError(f"{path} cannot be read by this version: {error}") from error

    def current(self, project: str) -> str:
        """Return the fingerprint of the key that signs, empty for a project that does not sign.

        Raises:
            UnavailableError: Clients are told to trust a key that is not here.
        """
        current = self.ring(project).current
        if not current and public_keys.path(self._repos, project).exists():
            raise UnavailableError(
                f"the keys of {project} are missing: put {self._folder / project} back, or create a new key"
            )
        return current

    def home(self, project: str, fingerprint: str) -> Path:
        """Return the gpg home of a key."""
        return self._folder / project / fingerprint

    def keyring(self, project: str, fingerprint: str) -> Path:
        """Return the path of the public key, as gpgv wants it."""
        return self.home(project, fingerprint) / "pubring.kbx"

    def public(self, project: str, fingerprint: str) -> Path:
        """Return the path of the public key, armored."""
        return self.home(project, fingerprint) / _PUBLIC

    def make(self, project: str, now: float) -> str:
        """Make a key, durably, and return its fingerprint; nothing uses it before it is in the ring."""
        self.tidy(project)
        beside = self._staging / f"key+{project}"
        files.remove_tree(beside)
        beside.mkdir(mode=0o700)
        name = f"{project} (signing key)"
        quiet = ("--batch", "--no-autostart", "--faked-system-time", f"{int(now)}!")
        new = ("--passphrase", "", "--quick-generate-key", name, ALGORITHM, "sign", "never")
        said = gnupg.run_with_agent(beside, ("gpg", *quiet, "--status-fd", "1", *new), _SECONDS)
        created = re.search(r"^\[GNUPG:\] KEY_CREATED P ([0-9A-F]{40})", said, re.MULTILINE)
        if created is None:
            raise UnavailableError(f"gpg has not said which key it made: {said.strip()[-200:]}")
        export = ("gpg", "--homedir", beside, *quiet, "--armor", "--output", beside / _PUBLIC, "--export")
        gnupg.run(export, _SECONDS)
        for path in sorted(beside.rglob("*"), reverse=True):
            files.sync(path)
        files.sync(beside)
        self._make_folder(project)
        files.move(beside, self.home(project, created[1]))
        return created[1]

    def save(self, project: str, turn: Turn, keys: tuple[SigningKey, ...]) -> None:
        """Save these as the project's keys, durably; `tidy` then removes all others for good."""
        self._make_folder(project)
        ring = Ring(keys=keys, turns=(*self.ring(project).turns, turn)[-_REMEMBERED:])
        files.write(self._folder / project / _LIST, msgspec.json.encode(ring), 0o600)

    def serve(self, project: str) -> None:
        """Serve the project's public keys to clients, and no others."""
        keys = self.ring(project).keys
        armored = b"".join(self.public(project, key.fingerprint).read_bytes() for key in keys)
        public_keys.write(self._repos, project, keys, armored)

    def recover(self) -> None:
        """Remove unfinished keys of an earlier life, but nothing where a project's list is damaged or missing."""
        for folder in sorted(self._folder.iterdir()):
            try:
                self.current(folder.name)  # raises when the list is gone, though clients were told of keys
                self.tidy(folder.name)
                public_keys.recover(self._repos, folder.name)
            except (VersionError, UnavailableError, OSError) as error:
                _log.error("nothing can be signed for {project}: {error}", project=folder.name, error=error)

    def tidy(self, project: str) -> None:
        """Remove the keys that the ring does not name: those that were made and never used, and retired ones."""
        waste = self._staging / f"retired+{project}"
        kept = {_LIST, *(key.fingerprint for key in self.ring(project).keys)}
        for path in files.entries(self._folder / project):
            if path.is_dir() and path.name not in kept:
                files.make_folder(waste)
                files.discard(path, waste)
            elif path.name not in kept:
                files.remove(path)
        if waste.exists():
            files.remove_tree(waste)

    def _make_folder(self, project: str) -> None:
        folder = self._folder / project
        if not folder.is_dir():
            files.make_folder(self._folder)
            folder.mkdir(mode=0o700)
            files.sync(self._folder)
