"""The executor for hosts without mock: a tree filled by dnf, and rpmbuild in bubblewrap on that tree, read-only.

It runs as root, or as an ordinary user with ranges in /etc/subuid and /etc/subgid (newuidmap(1)).
"""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from builder import files
from builder.errors import InvalidError
from builder.model.attempt import ChrootWork, FailureKind
from builder.model.inputs import Program, RootPackage
from builder.process import Interrupts, run
from builder.slave import kept, sandbox
from builder.slave.diagnosis import build_failure, check_sandbox, install_failure
from builder.slave.endings import broken, failed
from builder.slave.executors import dnf_history, installed
from builder.slave.executors.cache import cache_slot
from builder.slave.executors.dnf import (
    Places,
    build_requires,
    configuration,
    install_command,
    local_repositories,
)
from builder.slave.spec import EVR_FORMAT, checked_evr, regular, rpm_error
from builder.slave.workspace import Answer, Workspace, head

DATABASE = "/var/lib/rpm"
"""Where the tree has rpm's database; Debian's rpm would look for it in the home of the user."""
TRUST_NAME = "trust.pem"
"""The certificates that the slave's service puts together for repositories over HTTPS."""
_PRODUCTS = ("RPMS", "SRPMS")
_FILE_NAME = "%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm"


class ChrootExecutor:
    """Makes build roots by `dnf --installroot`."""

    name = "chroot"

    def missing(self, interrupts: Interrupts) -> str | None:
        """What this host lacks."""
        user = os.geteuid()
        programs = ["bwrap", "dnf", "rpm", "rpmbuild", "rpmspec", "git", "setpriv", "tar", "gzip"]
        programs += ["newuidmap", "newgidmap", "unshare"] if user else []
        absent = [name for name in programs if shutil.which(name) is None]
        if absent:
            return f"{', '.join(absent)} cannot be found in PATH"
        attempt = sandbox.on_host(["true"], Path("/"), sandbox.host_links())
        return _refusal(sandbox.as_owner(attempt, user), interrupts)

    def fill(self, workspace: Workspace, work: ChrootWork, srpm: Path) -> "ChrootRoot":
        """Install everything in one transaction."""
        tree = workspace.folder("root")
        for name in sandbox.MOUNT_POINTS:
            (tree / name).mkdir(parents=True)
        if work.network:
            (tree / sandbox.RESOLVER.lstrip("/")).touch()
        required = requirements(workspace, srpm)
        caches = workspace.state / "cache" / "dnf"
        with cache_slot(caches, work.chroot.name) as cache:
            kept.prune(caches)
            trust = workspace.state / TRUST_NAME
            places = Places(
                tree=tree, cache=cache, own=workspace.folder("dnf"), trust=trust if trust.exists() else None
            )
            self._install(workspace, work, places, required)
        own = tree / places.own.relative_to("/")  # to dnf, its folders are below the root that it fills
        log = own / "log" / "dnf.log"
        version = installed.dnf_version(head(log) if regular(log) else "")
        return ChrootRoot(
            workspace,
            tree,
            srpm,
            history=own / "persist" / "history.sqlite",
            filled_by=Program(name="dnf", version=version),
        )

    def _install(self, workspace: Workspace, work: ChrootWork, places: Places, required: Sequence[str]) -> None:
        config = places.own / "dnf.conf"
        config.write_text(configuration(work, places))
        (places.own / ".rpmmacros").write_text(f"%_dbpath {DATABASE}\n%_netsharedpath {sandbox.NOT_INSTALLED}\n")
        wanted = [*work.chroot.packages, *required]
        command = install_command(config, places, work.chroot.version, wanted)
        confined = sandbox.installing(
            command,
            places.tree,
            places.own,
            sandbox.host_links(),
            readable=[*local_repositories(work), *([places.trust] if places.trust else [])],
            writable=[places.cache],
        )
        if workspace.run(sandbox.as_owner(confined, os.geteuid())):
            raise install_failure(workspace.step_log(), tuple(required), work.srpm.name)


def requirements(workspace: Workspace, srpm: Path) -> tuple[str, ...]:
    """What `srpm` requires to be built.

    Raises:
        EndedError: It cannot be read, or names what no package in a repository can provide.
    """
    command = ["rpm", "--query", "--package", "--nosignature", "--requires", srpm.name]
    answer = workspace.ask(sandbox.on_host(command, srpm.parent, sandbox.host_links()))
    if answer.code:
        raise broken(f"{srpm.name} cannot be read: {answer.last_error}")
    try:
        return build_requires(answer.output)
    except InvalidError as error:
        raise failed(FailureKind.DEPENDENCY, str(error)) from error


class ChrootRoot:
    """A filled tree, with the SRPM unpacked in a home of its own."""

    def __init__(self, workspace: Workspace, tree: Path, srpm: Path, *, history: Path, filled_by: Program) -> None:
        _check_mount_points(tree)
        self._workspace = workspace
        self._tree = tree
        self._history = history
        self._filled_by = filled_by
        self._home = workspace.folder("home")
        self._temporary = workspace.folder("tmp")
        self._accounts = workspace.folder("accounts")
        self._srpm = srpm.name
        for name in ("passwd", "group"):
            _add_account(tree / "etc" / name, self._accounts / name)
        files.link(srpm, self._home / srpm.name)
        (self._home / ".rpmmacros").write_text(
            f"%_topdir {sandbox.HOME}\n%_buildhost {sandbox.NAME}\n%_dbpath {DATABASE}\n%_rpmfilename {_FILE_NAME}\n"
        )
        for name in _PRODUCTS:
            (self._home / name).mkdir()
        self._unpack()

    def _unpack(self) -> None:
        answer = self._ask(["rpm", "--install", "--nosignature", self._srpm])
        specs = [path for path in (self._home / "SPECS").glob("*.spec") if regular(path)]
        check_sandbox(answer.errors)
        if answer.code or len(specs) != 1:
            raise broken(f"{self._srpm} cannot be unpacked: {answer.last_error}")
        self._spec = f"SPECS/{specs[0].name}"

    def evr(self, dist: str) -> str:
        """Ask rpm in the tree."""
        query = ["rpmspec", "--query", "--srpm", "--queryformat", EVR_FORMAT, "--define", f"dist {dist}", self._spec]
        answer = self._ask(query)
        if answer.code:
            raise failed(FailureKind.SRPM, f"the spec does not parse in the build root: {rpm_error(answer)}")
        return checked_evr(answer.output)

    def build(self, dist: str, *, network: bool) -> Sequence[Path]:
        """Run rpmbuild in the tree."""
        command = self._inside(["rpmbuild", "-ba", "--define", f"dist {dist}", self._spec], network=network)
        if self._workspace.run(command):
            check_sandbox(self._workspace.step_log())
            raise build_failure(self._workspace.step_log())
        return [path for name in _PRODUCTS for path in self._made(name)]

    def _made(self, name: str) -> list[Path]:
        """What lies in a folder of the home, unless the build has put a link there, which may lead out."""
        folder = self._home / name
        if folder.is_symlink() or not folder.is_dir():
            raise failed(FailureKind.COMPILE, f"the build has replaced its folder {name} by something else")
        return sorted(folder.iterdir())

    def packages(self) -> Sequence[RootPackage]:
        """Ask the tree's rpm database, and dnf's where there is one, as dnf 4 has it."""
        answer = self._ask(["rpm", "--query", "--all", "--queryformat", installed.FORMAT])
        if answer.code:
            raise broken(f"the packages of the build root cannot be listed: {answer.last_error}")
        history = f"{sandbox.HOME}/{self._history.relative_to(self._tree)}"
        command = ["python3", "-I", "-S", "-c", Path(str(dnf_history.__file__)).read_text(), history]
        noted = self._workspace.ask(sandbox.on_host(command, self._tree, sandbox.host_links()), quiet=True)
        return installed.packages(answer.output, installed.origins(noted.output))

    def programs(self) -> Sequence[Program]:
        """What has filled the tree."""
        return [self._filled_by]

    def _ask(self, command: Sequence[str]) -> Answer:
        return self._workspace.ask(self._inside(command, network=False))

    def _inside(self, command: Sequence[str], *, network: bool) -> list[str]:
        confined = sandbox.in_tree(
            command, self._tree, self._home, self._temporary, accounts=self._accounts, network=network
        )
        return sandbox.as_owner(confined, os.geteuid())


def _check_mount_points(tree: Path) -> None:
    """Raise that a root in which one is a link cannot be used: bubblewrap makes files where it leads, on the host."""
    for name in (*sandbox.MOUNT_POINTS, *sandbox.MOUNTED_FILES):
        if any((tree / part).is_symlink() for part in (Path(name), *Path(name).parents)):
            raise failed(FailureKind.DEPENDENCY, f"a package in the build root has put a link in the place of /{name}")


def _add_account(of_tree: Path, seen: Path) -> None:
    """Write what the build sees at `seen`: the tree's own accounts and the one that builds."""
    own = of_tree.read_text() if regular(of_tree) else ""
    line = f"{sandbox.NAME}:x:{sandbox.UID}:"
    more = f"{sandbox.UID}:{sandbox.NAME}:{sandbox.HOME}:/bin/sh" if of_tree.name == "passwd" else ""
    seen.write_text(f"{own}{line}{more}\n")


def _refusal(command: Sequence[str], interrupts: Interrupts) -> str | None:
    """What a program that only shall succeed says if it does not."""
    with os.fdopen(os.memfd_create("refusal"), "w+b") as said:
        code = run(
            command, interrupts, output=said.fileno(), errors=said.fileno(), folder=Path("/"), environment=os.environ
        )
        said.seek(0)
        lines = said.read().decode(errors="replace").strip().splitlines()
    return None if code == 0 else f"it cannot make a sandbox: {lines[-1] if lines else f'exit code {code}'}"
