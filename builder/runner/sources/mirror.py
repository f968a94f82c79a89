"""Bare mirrors of git repositories, one per URL, kept between builds until nobody needs them for long.

A repository that was fetched with a secret is in a mirror that only the same secret of the same project leads to. The
repository is asked with it each time, so that nobody gets from here what it would not give. Of the slave's user git
uses nothing but, for the places that a definition names, what the user's ssh finds in its home.

git never asks anybody anything, speaks only to the transports listed here, and runs no hooks. A mirror is locked
while it is used; a lock that a killed git left in it is stale then. An error ends the attempt with one sentence.
Source: git(1), gitrevisions(7).
"""

import fcntl
import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

from builder import files
from builder.attempt import kept
from builder.attempt.endings import EndedError, broken, failed
from builder.model.attempt import Commit, FailureKind
from builder.model.package import GitSource
from builder.runner.sources.access import NOTHING, Access, Grant, granted, public
from builder.runner.workspace import ProgramOutput, Workspace

_ENVIRONMENT = {
    "GIT_ALLOW_PROTOCOL": "file:https:http:ssh:git",
    "GIT_ASKPASS": "false",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o ConnectTimeout=30",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C.UTF-8",
}
_SETTINGS = {
    "core.hooksPath": "/dev/null",
    "credential.helper": "",
    "gc.autoDetach": "false",
    "http.emptyAuth": "false",
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "60",
    "tar.tar.bz2.command": "bzip2 -c",
    "tar.tar.gz.command": "gzip -cn",
    "tar.tar.xz.command": "xz -c",
    "tar.tar.zst.command": "zstd -c",
    "tar.tgz.command": "gzip -cn",
}
_TAKEN_OVER = r"^(safe\.directory|http\.(.*\.)?(proxy|sslcainfo|sslcapath))$"
"""The system's settings that count: by which way hosts are reached and known, and what may be read on this one."""
_REFS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
_HEAD = "+HEAD:refs/builder/head"
_AWAY = re.compile(
    r"could not resolve host|connection (refused|reset|timed out)|failed to connect|couldn't connect|timed out|"
    r"no route to host|network is unreachable|early eof|unexpected disconnect|returned error: 5\d\d|operation too slow",
    re.IGNORECASE,
)
_BY_SSH = re.compile(r"Permission denied|Host key verification failed")
"""The words of ssh, which say more than those of git after them."""
_DENIED = re.compile(
    r"Authentication failed|could not read (Username|Password)|Permission denied|returned error: 40[13]", re.IGNORECASE
)
_PRIVATE = (
    "if it is private, keep a token or an ssh key for it by `builder secret set PROJECT NAME`, and let its place in "
    "the definition say `secret: NAME`"
)
_HASH = re.compile(r"[0-9a-f]{7,64}")
_LINK = "160000"
"""The mode of a tree's entry that is a commit of another repository."""
_CONFIG = "config"
_WHOLE = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class Mirror:
    """The mirror of one repository, while it is locked."""

    def __init__(self, workspace: Workspace, path: Path, url: str, access: Access | None, otherwise: Grant) -> None:
        self._workspace = workspace
        self._path = path
        self._url = url
        self._access = access
        self._otherwise = otherwise
        self._home = _home(workspace)

    def update(self, ref: str) -> None:
        """Bring all branches and tags here, and the wanted `ref` if that is HEAD, or a commit on none of them.

        Raises:
            EndedError: The repository does not exist, may not be read, or cannot be reached.
        """
        for stale in self._path.rglob("*.lock"):
            files.remove(stale)
        if not (self._path / "HEAD").exists():
            self._must("init", "--quiet", "--bare")
        answer = self._fetch("--prune", refs=(*_REFS, _HEAD) if ref == "HEAD" else _REFS)
        if not answer.code and _WHOLE.fullmatch(ref) and self._commit(ref).code:
            answer = self._fetch(refs=(f"+{ref}:refs/builder/commits/{ref}",))
            if answer.code and not _AWAY.search(answer.errors):
                return  # it has no such commit, or does not let it be read: there is nothing to resolve
        if answer.code:
            raise self._unreadable(answer)

    def _fetch(self, *options: str, refs: Sequence[str]) -> ProgramOutput:
        fetch = ("fetch", "--quiet", "--force", "--no-write-fetch-head", *options, "--", self._url, *refs)
        with granted(self._workspace, self._url, self._access, self._otherwise) as grant:
            return self._git(*fetch, grant=grant)

    def _commit(self, name: str) -> ProgramOutput:
        return self._git("rev-parse", "--verify", "--end-of-options", f"{name}^{{commit}}", quiet=True)

    def resolve(self, source: GitSource) -> Commit:
        """Return the commit that a branch, a tag or (part of) a commit's own name stands for.

        Raises:
            EndedError: The repository has no such ref.
        """
        ref = source.ref
        names = [f"refs/heads/{ref}", f"refs/tags/{ref}", *([ref] if _HASH.fullmatch(ref) else [])]
        if ref == "HEAD":
            names = ["refs/builder/head"]
        for name in names:
            answer = self._commit(name)
            if not answer.code:
                commit = answer.output.strip()
                return Commit(git=public(source.git), ref=ref, commit=commit, date=self._date(commit))
        reason = f"{public(self._url)} has no branch, tag or commit {ref!r}"
        if _WHOLE.fullmatch(ref):
            reason += ", or does not let it be read"
        elif _HASH.fullmatch(ref):
            reason += "; a commit that is on no branch needs its whole name"
        raise failed(FailureKind.SOURCES, reason)

    def _date(self, commit: str) -> str:
        seconds = self._must("log", "-1", "--format=%ct", commit).output
        try:
            return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        except (ValueError, OverflowError, OSError) as error:
            reason = (
                f"the commit {commit} of {public(self._url)} is of no possible date: {seconds.strip()} s after 1970"
            )
            raise failed(FailureKind.SOURCES, reason) from error

    def short(self, commit: str) -> str:
        """Return the shortest unambiguous name of a commit, with at least 7 digits."""
        return self._must("rev-parse", "--short=7", commit).output.strip()

    def export(self, commit: str, folder: Path) -> None:
        """Put the files of a commit into `folder`."""
        archive = folder.with_suffix(".tar")
        self._must("archive", "--format=tar", f"--output={archive}", commit)
        extract = ["tar", "-x", "--no-same-owner", "-C", str(folder), "-f", str(archive)]
        if self._workspace.run(extract):
            raise broken(f"the files of {commit} cannot be unpacked")
        files.remove(archive)

    def archive(self, commit: str, tarball: Path, prefix: str) -> None:
        """Make a tarball of a commit below the folder `prefix`; the same commit gives the same bytes.

        Raises:
            EndedError: The tarball's name is of no format that git can make.
        """
        answer = self._git("archive", f"--prefix={prefix}/", f"--output={tarball}", commit)
        if answer.code or not _archived(tarball):
            raise failed(FailureKind.SOURCES, f"{tarball.name} cannot be made from a commit: {answer.last_error}")

    def modules(self, commit: str) -> str:
        """Return the paths and URLs of the submodules of a commit, as `git config --null` writes them.

        Raises:
            EndedError: The commit's `.gitmodules` cannot be read.
        """
        blob = f"{commit}:.gitmodules"
        if self._git("cat-file", "-e", blob, quiet=True).code:
            return ""
        answer = self._git("config", "--null", f"--blob={blob}", "--get-regexp", r"^submodule\..*\.(path|url)$")
        if answer.code and answer.errors:  # where there are none, there is no word
            why = answer.last_error.removeprefix("fatal: ").removeprefix("error: ")
            raise failed(FailureKind.SOURCES, f"the .gitmodules of {public(self._url)} cannot be read: {why}")
        return answer.output

    def link(self, commit: str, path: str) -> str | None:
        """Return the commit that another commit records for the submodule at `path`, None if it records none."""
        answer = self._git("--literal-pathspecs", "ls-tree", "-z", "--full-tree", commit, "--", path, quiet=True)
        mode, _, rest = answer.output.partition(" ")
        return rest.removeprefix("commit ").partition("\t")[0] if mode == _LINK and not answer.code else None

    def _must(self, *arguments: str) -> ProgramOutput:
        answer = self._git(*arguments)
        if answer.code:
            raise broken(f"git {arguments[0]} failed: {answer.last_error}")
        return answer

    def _git(self, *arguments: str, quiet: bool = False, grant: Grant = NOTHING) -> ProgramOutput:
        settings = (word for key, value in _SETTINGS.items() for word in ("-c", f"{key}={value}"))
        words = ("--git-dir", str(self._path), *settings, *grant.settings, *arguments)
        environment = {**os.environ, **_ENVIRONMENT, **_at_home(self._home), **grant.environment}
        command = ["setpriv", "--pdeathsig", "KILL", "git", *words]
        return self._workspace.ask(command, environment, quiet=quiet, cleaned=self._cleaned)

    def _cleaned(self, text: str) -> str:
        return public(self._access.hide(text) if self._access else text)

    def _unreadable(self, answer: ProgramOutput) -> EndedError:
        lines = answer.errors.splitlines()
        told = [line for line in lines if _BY_SSH.search(line)] + [line for line in lines if line.startswith("fatal:")]
        why = next(iter(told), answer.last_error).removeprefix("fatal: ")
        secret = f" with the secret `{self._access.secret.name}`" if self._access else ""
        sentence = f"{public(self._url)} cannot be read{secret}: {why}"
        if not self._access and _DENIED.search(answer.errors):
            sentence += f"; {_PRIVATE}"
        return broken(sentence) if _AWAY.search(answer.errors) else failed(FailureKind.SOURCES, sentence)


@contextmanager
def mirror(
    workspace: Workspace, url: str, access: Access | None = None, otherwise: Grant = NOTHING
) -> Iterator[Mirror]:
    """Give the mirror of the repository at `url`, locked; a second attempt that needs it waits.

    `access` opens that repository, if it is private; without it, git has the grant `otherwise`.
    """
    owner = (access.project, access.secret.name) if access else ()
    if _leads_into(workspace.state.path, url, workspace.work):
        raise failed(FailureKind.SOURCES, f"{public(url)} is in the slave's own folder, which is nobody's to name")
    path = workspace.state.git / hashlib.sha256("\0".join((url, *owner)).encode()).hexdigest()[:32]
    kept.use(path)
    if access:
        path.chmod(0o700)
    kept.prune(path.parent)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _lock(workspace, descriptor, url)
        yield Mirror(workspace, path, url, access, otherwise)
    finally:
        os.close(descriptor)


def _leads_into(state: Path, url: str, folder: Path) -> bool:
    """Tell if git, started in `folder`, would read below `state`, where others' private repositories are.

    git takes for a path what has no colon before its first slash, and `file://`, with per cent signs, also with a
    host.
    """
    if url.startswith("file://"):
        path = Path("/" + unquote(url.removeprefix("file://")).lstrip("/"))
    elif ":" in url.partition("/")[0]:
        return False
    else:
        path = folder / url
    return path.resolve().is_relative_to(state.resolve())


def _lock(workspace: Workspace, descriptor: int, url: str) -> None:
    """Lock a mirror; the time in which another attempt has it does not count for this one."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        workspace.say(f"waiting for another attempt that uses the clone of {public(url)}")
        with workspace.alarm.paused():
            fcntl.flock(descriptor, fcntl.LOCK_EX)


def _home(workspace: Workspace) -> Path:
    """Return git's home in this attempt, with settings taken over from the system's; it has no `.netrc`."""
    home = workspace.work / "git"
    if not home.exists():
        home.mkdir(mode=0o700)
        config = ["git", "config"]
        found = workspace.ask([*config, "--system", "--null", "--get-regexp", _TAKEN_OVER], quiet=True).output
        for entry in filter(None, found.split("\0")):
            key, _, value = entry.partition("\n")
            workspace.ask([*config, "--file", str(home / _CONFIG), "--add", key, value])
    return home


def _at_home(home: Path) -> dict[str, str]:
    return {"GIT_CONFIG_GLOBAL": str(home / _CONFIG), "HOME": str(home), "XDG_CONFIG_HOME": str(home)}


def _archived(tarball: Path) -> bool:
    """Tell if git made an archive of the wanted compression: an unknown suffix gives a plain tar in silence."""
    with tarball.open("rb") as file:
        plain = file.read(262)[257:] == b"ustar"
    return not plain or tarball.suffix == ".tar"
