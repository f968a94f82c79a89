"""The executor that distributions trust: mock, which waits for the gate.

mock makes the root: it unpacks its cache of it, or fills it anew, brings it up to date, installs what the SRPM
requires, and waits there, by our plugin. Then the gate asks what it has to ask in that root, and mock goes on to build.
Only where the gate has given `%dist` a serial, which mock takes at its start, is it stopped and run once more, in the
root that is there. It is kept in namespaces by the keeper, so that nothing is left of it whoever is killed, and has its
folders where the slave has its own: nothing is kept in mock's.
"""

import grp
import os
import pwd
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from builder import files
from builder.attempt.endings import broken
from builder.attempt.kept import prune, use
from builder.attempt.variables import MOCK
from builder.model.inputs import Program, RootPackage
from builder.model.work import ChrootWork
from builder.process import Interrupts
from builder.runner.executors import installed, janitor, keeper, mock_plugin
from builder.runner.executors.cache import cache_slot
from builder.runner.executors.chroot import ChrootRoot, refusal
from builder.runner.executors.filling import DATABASE, requirements
from builder.runner.executors.mock_failure import failure_of_build, root_failure
from builder.runner.executors.mock_settings import (
    CACHE,
    CONFIG,
    FOLDER,
    PLUGIN,
    PLUGINS,
    RESULT,
    ROOTS,
    SYSTEM,
    TRUST,
    Host,
    command,
    configuration,
    kept,
    root_digest,
    tree,
)
from builder.runner.workspace import Workspace

_PACKAGED = Path("/usr/libexec/mock/mock")
"""The program mock itself, since the one in PATH only asks who may run it."""
_MACROS = Path("/usr/lib/rpm/macros")
_USERS = ("builder-slave", "nobody")
_DATABASE_IN_HOME = re.compile(r"^%_dbpath\s.*(?:~|HOME).*$", re.MULTILINE)


class MockExecutor:
    """The maker of build roots and builds by mock."""

    name = "mock"

    def __init__(self, program: Path | None = None) -> None:
        self._program = str(program) if program else found()

    def missing(self, interrupts: Interrupts) -> str | None:
        """Return what this host lacks, None if it is complete; mock is started, to see that it works."""
        if self._program is None:
            return "it cannot be found in PATH"
        if os.geteuid():
            return "it needs a slave that runs as root"
        absent = [name for name in ("bwrap", "rpm", "git", "tar") if shutil.which(name) is None]
        if absent:
            return f"{', '.join(absent)} cannot be found in PATH"
        if "mock" not in {group.gr_name for group in grp.getgrall()}:
            return "there is no group named mock"
        why = refusal(kept(keeping(), [self._program, "--version"], [], cut=True), interrupts, environment())
        return why and f"it cannot be started: {why}"

    def fill(self, workspace: Workspace, work: ChrootWork, srpm: Path) -> "MockRoot":
        """Have mock make the root, and stop it there."""
        return MockRoot(workspace, work, srpm, self._program or self.name)


class MockRoot:
    """The root in which mock waits."""

    def __init__(self, workspace: Workspace, work: ChrootWork, srpm: Path, program: str) -> None:
        self._program = program
        self._workspace = workspace
        self._work = work
        self._attempt = workspace.attempt.path.name
        self._folder = workspace.folder("mock")
        self._host = _host(work, workspace.state.trust)
        self._prepare(srpm)
        required = requirements(workspace, srpm, work.options)
        self._question = os.open(self._folder / mock_plugin.QUESTION, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        self._answer = os.open(self._folder / mock_plugin.ANSWER, os.O_RDWR | os.O_CLOEXEC)  # never waits for a reader
        self._caches = ExitStack()
        command = self._caches.enter_context(self._command(work.chroot.dist, asks=True, network=work.network))
        self._mock = workspace.accompany(command, environment())
        if not self._mock.asks(self._question):
            code = self._mock.end()
            if code == 0:
                raise broken("mock has not loaded the plugin by which it is told to wait")
            raise root_failure(code, workspace.step_log(), required, srpm.name)
        root = self._folder / tree(work.chroot.name, self._attempt)
        version = installed.mock_version(workspace.step_log())
        self._inside = ChrootRoot(
            workspace,
            root,
            srpm,
            work.options,
            history=root / "var/lib/dnf/history.sqlite",
            filled_by=Program(name=MockExecutor.name, version=version),
        )

    def evr(self, dist: str) -> str:
        """Return the EVR that rpm in the tree has for the spec."""
        return self._inside.evr(dist)

    def build(self, dist: str, *, network: bool) -> Sequence[Path]:
        """Have mock build in the tree, or run it once more if it has begun with another `%dist`, or network."""
        goes_on = (dist, network) == (self._work.chroot.dist, self._work.network)
        os.write(self._answer, mock_plugin.GO if goes_on else mock_plugin.STOP)
        code = self._mock.end()
        self._caches.close()
        if code == mock_plugin.STOPPED and not goes_on:
            with self._command(dist, asks=False, network=network) as command:
                code = self._workspace.run(command, environment())
        if code:
            raise failure_of_build(code, self._workspace.step_log(), self._srpm)
        return sorted((self._folder / RESULT).glob("*.rpm"))

    def packages(self) -> Sequence[RootPackage]:
        """Return the packages in the tree, which by now has those that `%generate_buildrequires` named too."""
        return self._inside.packages()

    def programs(self) -> Sequence[Program]:
        """Return mock, by its own word."""
        return self._inside.programs()

    def _prepare(self, srpm: Path) -> None:
        """Put the input of mock into its folder; what mock does without being root, it does to the folder itself."""
        files.link(srpm, self._folder / srpm.name)
        self._srpm = srpm.name
        if self._host.trust:
            files.link(self._workspace.state.trust, self._folder / TRUST)
        user, group = unprivileged(), grp.getgrnam("mock").gr_gid
        for name in (PLUGINS, RESULT):
            (self._folder / name).mkdir()
            os.chown(self._folder / name, user, group)
        for name in (mock_plugin.QUESTION, mock_plugin.ANSWER):
            os.mkfifo(self._folder / name, 0o600)
            os.chown(self._folder / name, user, group)
        plugin = Path(str(mock_plugin.__file__))
        (self._folder / PLUGINS / f"{PLUGIN}.py").write_bytes(plugin.read_bytes())

    @contextmanager
    def _command(self, dist: str, *, asks: bool, network: bool) -> Iterator[list[str]]:
        """Give the arguments that run mock, whose caches are mended before, and ours until the end."""
        config = self._folder / CONFIG
        config.write_text(configuration(self._work, self._host, dist, asks=asks))
        os.utime(config, (0, 0))  # a configuration that is newer than the cache of the root makes mock drop that
        caches = self._workspace.state.mock
        cache = caches / f"{self._work.chroot.name}.{root_digest(self._work, self._host)}"
        use(cache)
        prune(caches)
        roots = cache / "roots"
        roots.mkdir(exist_ok=True)
        with cache_slot(cache, "dnf") as packages:
            janitor.mend(roots, packages)
            mounts = [(self._folder, FOLDER), (packages, CACHE), (roots, ROOTS), *own_database(self._folder)]
            mock = command(self._program, self._attempt, self._srpm, again=not asks)
            yield kept(keeping(), mock, mounts, cut=not network)


def own_database(folder: Path) -> list[tuple[Path, Path]]:
    """Return the mounts over the database that Debian's rpm would look for in a home: other macros."""
    macros = _MACROS.read_text() if _MACROS.exists() else ""
    if not _DATABASE_IN_HOME.search(macros):
        return []
    own = folder / "macros"
    own.write_text(_DATABASE_IN_HOME.sub(f"%_dbpath {DATABASE}", macros))
    return [(own, _MACROS)]


def found() -> str | None:
    """Return the path of mock on this host, None if it is not there."""
    named = os.environ.get(MOCK)
    if named:
        return shutil.which(named)
    found = shutil.which("mock")
    return str(_PACKAGED) if found and _PACKAGED.exists() else found


def keeping() -> list[str]:
    """Return the command by which this process starts the keeper."""
    return [sys.executable, "-I", "-S", str(keeper.__file__), str(os.getpid())]


def _host(work: ChrootWork, trust: Path) -> Host:
    return Host(
        system=work.chroot.name if (SYSTEM / f"{work.chroot.name}.cfg").exists() else None,
        zstd=shutil.which("zstd") is not None,
        trust=trust.exists(),
    )


def unprivileged() -> int:
    """Return the number of the user for all that mock does without being root."""
    names = {user.pw_name: user.pw_uid for user in pwd.getpwall()}
    return next(names[name] for name in _USERS if name in names)


def environment() -> dict[str, str]:
    """Return the slave's environment, with the variable that mock takes for who has started it."""
    return {**os.environ, "SUDO_UID": str(unprivileged()), "PYTHONUNBUFFERED": "1"}
