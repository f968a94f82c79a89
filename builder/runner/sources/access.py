"""Access: a secret lets git into one private repository, for as long as git fetches from there.

git gets a secret by a file that only its owner reads, in the attempt's workspace, which no sandbox sees; the file is
gone when git has ended, or with the workspace. Nothing of it is in arguments, in an environment, or in the mirror's
configuration. It goes to the host of that repository alone: a key is used by an ssh that knows no other, a token is
offered for its scheme and host, and redirections are not followed. The slave's own keys, agents and helpers are left
out, so that it makes no difference on which slave a job is carried out.
Source: git-credential-store(1), gitcredentials(7), ssh_config(5).
"""

import base64
import os
import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from builder import files
from builder.attempt import kept
from builder.model import Label, Value
from builder.model.package import GitSource
from builder.model.secret import Secret, SecretKind
from builder.model.work import SourceWork
from builder.runner.workspace import Workspace

USER = "git"
"""The user of a token that comes without one: where it counts, people give one."""
_HIDDEN = "***"
_IN_URL = re.compile(r"//[^/\s]*@")
_SHORTEST_LINE = 8
"""Characters: shorter lines of a key tell nothing, and stand in many texts."""


class Access(Value, frozen=True, kw_only=True):
    """A secret of a project, with which one of its repositories is read."""

    project: Label
    secret: Secret

    def hide(self, text: str) -> str:
        """Return `text` without the secret, in whatever form git or a server repeats it."""
        for form in self._forms():
            text = text.replace(form, _HIDDEN)
        return text

    def _forms(self) -> Iterator[str]:
        if self.secret.kind is SecretKind.SSH_KEY:
            lines = self.secret.value.splitlines()
            yield from (line for line in lines if len(line) >= _SHORTEST_LINE and not line.startswith("-----"))
            return
        user, token = _parts(self.secret)
        yield base64.b64encode(f"{user}:{token}".encode()).decode().rstrip("=")
        yield quote(token, safe="")
        yield token


class Grant(NamedTuple):
    """A grant for git: words before its command, and variables."""

    settings: tuple[str, ...] = ()
    environment: Mapping[str, str] = {}


NOTHING = Grant()


def _ssh(**options: str) -> Grant:
    """Return the grant of an ssh without settings, agent or keys of the slave's user: it has only its `options`."""
    own = {"BatchMode": "yes", "ConnectTimeout": "30", "IdentitiesOnly": "yes", "IdentityAgent": "none", **options}
    command = ["ssh", "-F", "none", *(word for option in own.items() for word in ("-o", "=".join(option)))]
    return Grant(environment={"GIT_SSH_COMMAND": shlex.join(command)})


NOBODY = _ssh(IdentityFile="/dev/null")
"""The grant for repositories that no definition names: their ssh has no key or agent of the slave's user."""


def public(text: str) -> str:
    """Return `text` without the names and passwords that URLs in it begin with."""
    return _IN_URL.sub("//", text)


def access(work: SourceWork, place: GitSource) -> Access | None:
    """Return the access to the repository at `place`; None for one that names no secret."""
    for secret in work.secrets:
        if secret.name == place.secret:
            return Access(project=work.project, secret=secret)
    return None


@contextmanager
def granted(workspace: Workspace, url: str, access: Access | None, otherwise: Grant = NOTHING) -> Iterator[Grant]:
    """Give git access to the repository at `url` within this block.

    It has that by its secret, or by the grant `otherwise`.
    """
    if access is None:
        yield otherwise
        return
    folder = workspace.work / "access"
    folder.mkdir(mode=0o700)
    try:
        if access.secret.kind is SecretKind.TOKEN:
            yield _by_token(folder, url, access.secret)
        else:
            yield _by_key(folder, access.secret, workspace.state.ssh / access.project)
    finally:
        files.remove_tree(folder)


def _by_token(folder: Path, url: str, secret: Secret) -> Grant:
    """Return the grant of a token, given by git's own helper for its scheme, host and port.

    The empty helper takes away all others.
    """
    user, token = _parts(secret)
    path = folder / "token"
    _write(path, f"https://{quote(user, safe='')}:{quote(token, safe='')}@{urlsplit(url).netloc}\n")
    helper = f"store --file={shlex.quote(str(path))}"
    settings = ("credential.helper=", f"credential.helper={helper}", "http.followRedirects=false")
    return Grant(settings=tuple(word for setting in settings for word in ("-c", setting)))


def _by_key(folder: Path, secret: Secret, hosts: Path) -> Grant:
    """Return the grant of a key, for an ssh without other settings.

    A host is known by the key that the project first met it with.
    """
    path = folder / "key"
    _write(path, secret.value)
    kept.use(hosts)
    kept.prune(hosts.parent)
    return _ssh(
        IdentityFile=_quoted(path),
        PreferredAuthentications="publickey",
        StrictHostKeyChecking="accept-new",
        UserKnownHostsFile=_quoted(hosts / "known_hosts"),
    )


def _parts(secret: Secret) -> tuple[str, str]:
    """Return the user and the token."""
    user, colon, token = secret.value.partition(":")
    return (user, token) if colon else (USER, user)


def _quoted(path: Path) -> str:
    """Return a path for an option of ssh.

    ssh takes a text with spaces for several paths, and expands per cent signs.
    """
    return '"' + str(path).replace("%", "%%") + '"'


def _write(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
