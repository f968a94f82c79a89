"""The executor for hosts without mock: a tree filled by dnf, and rpmbuild in bubblewrap on that tree, read-only.

It runs as root, or as an ordinary user with ranges in /etc/subuid and /etc/subgid (newuidmap(1)).
"""

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from builder import files
from builder.attempt.endings import broken, failed
from builder.model.attempt import FailureKind
from builder.model.inputs import Program, RootPackage
from builder.model.options import Options
from builder.model.work import ChrootWork
from builder.process import Interrupts, run
from builder.runner import sandbox
from builder.runner.diagnosis import build_failure, check_sandbox
from builder.runner.executors import dnf_history, installed
from builder.runner.executors.filling import (
    DATABASE,
    Filling,
    capabilities,
    header,
    requirements,
    requires_command,
    unpacked,
)
from builder.runner.spec import EVR_FORMAT, checked_evr, defines, regular, rpm_error
from builder.runner.workspace import ProgramOutput, Workspace

_PRODUCTS = ("RPMS", "SRPMS")
_UNMET = 11
"""The exit code of rpmbuild when something that the build requires is not there."""
_MOST_ROUNDS = 10
"""Most times that a build may find out that it requires more; mock has the same limit."""
_FILE_NAME = "%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm"


class ChrootExecutor:
    """The maker of build roots by `dnf --installroot`."""

    name = "chroot"

    def missing(self, interrupts: Interrupts) -> str | None:
        """Return what this host lacks, None if it is complete."""
        user = os.geteuid()
        programs = ["bwrap", "dnf", "rpm", "rpmbuild", "rpmspec", "git", "setpriv", "tar", "gzip"]
        programs += ["newuidmap", "newgidmap", "unshare"] if user else []
        absent = [name for name in programs if shutil.which(name) is None]
        if absent:
            return f"{', '.join(absent)} cannot be found in PATH"
        attempt = sandbox.on_host(["true"], Path("/"), sandbox.host_links())
        why = refusal(sandbox.as_owner(attempt, user), interrupts, os.environ)
        return why and f"it cannot make a sandbox: {why}"

    def fill(self, workspace: Workspace, work: ChrootWork, srpm: Path) -> "FilledRoot":
        """Install everything in one transaction."""
        tree = workspace.folder("root")
        filling = Filling(workspace, work, tree)
        required = requirements(workspace, srpm, work.options)
        filling.install(work.chroot.packages, required)
        return FilledRoot(workspace, tree, srpm, work.options, filling, required)


class ChrootRoot:
    """A filled tree, with the SRPM unpacked in a home of its own."""

    def __init__(
        self, workspace: Workspace, tree: Path, srpm: Path, options: Options, *, history: Path, filled_by: Program
    ) -> None:
        self._options = options
        self._workspace = workspace
        self._tree = tree
        self._history = history
        self._filled_by = filled_by
        self._home = workspace.folder("home")
        self._temporary = workspace.folder("tmp")
        self._accounts = workspace.folder("accounts")
        self._srpm = srpm.name
        self._look()
        files.link(srpm, self._home / srpm.name)
        (self._home / ".rpmmacros").write_text(
            f"%_topdir {sandbox.HOME}\n%_buildhost {sandbox.NAME}\n%_dbpath {DATABASE}\n%_rpmfilename {_FILE_NAME}\n"
        )
        for name in _PRODUCTS:
            (self._home / name).mkdir()
        self._unpack()

    def _look(self) -> None:
        """Read what is in the tree, after something was installed."""
        _check_mount_points(self._tree)
        for name in ("passwd", "group"):
            _add_account(self._tree / "etc" / name, self._accounts / name)

    def _unpack(self) -> None:
        answer = self._ask(["rpm", "--install", "--nosignature", self._srpm])
        check_sandbox(answer.errors)
        self._spec = unpacked(answer, self._srpm, self._home)

    def evr(self, dist: str) -> str:
        """Return the EVR that rpm in the tree has for the spec."""
        query = ["rpmspec", "--query", "--srpm", "--queryformat", EVR_FORMAT, *self._told(dist), self._spec]
        return checked_evr(self._ask_of_spec(query))

    def _told(self, dist: str) -> list[str]:
        """Return the arguments by which rpm learns what the spec does not say."""
        return [*defines(self._options), "--define", f"dist {dist}"]

    def _ask_of_spec(self, query: Sequence[str]) -> str:
        answer = self._ask(query)
        if answer.code:
            raise failed(FailureKind.SRPM, f"the spec does not parse in the build root: {rpm_error(answer)}")
        return answer.output

    def packages(self) -> Sequence[RootPackage]:
        """Return the packages of the tree's rpm database, with repositories by dnf's, if there is one, as with dnf 4.

        Raises:
            EndedError: They cannot be listed, or the tree cannot be entered any more.
        """
        self._look()  # what the build has made up that it requires may have been installed by mock since
        answer = self._ask(["rpm", "--query", "--all", "--queryformat", installed.FORMAT])
        if answer.code:
            raise broken(f"the packages of the build root cannot be listed: {answer.last_error}")
        history = f"{sandbox.HOME}/{self._history.relative_to(self._tree)}"
        command = ["python3", "-I", "-S", "-c", Path(str(dnf_history.__file__)).read_text(), history]
        noted = self._workspace.ask(sandbox.on_host(command, self._tree, sandbox.host_links()), quiet=True)
        return installed.packages(answer.output, installed.origins(noted.output))

    def programs(self) -> Sequence[Program]:
        """Return the programs that have filled the tree."""
        return [self._filled_by]

    def _ask(self, command: Sequence[str]) -> ProgramOutput:
        return self._workspace.ask(self._inside(command, network=False))

    def _inside(self, command: Sequence[str], *, network: bool) -> list[str]:
        confined = sandbox.in_tree(
            command, self._tree, self._home, self._temporary, accounts=self._accounts, network=network
        )
        return sandbox.as_owner(confined, os.geteuid())


class FilledRoot(ChrootRoot):
    """A tree of this executor's own, which can be filled further."""

    def __init__(
        self,
        workspace: Workspace,
        tree: Path,
        srpm: Path,
        options: Options,
        filling: Filling,
        required: Iterable[str],
    ) -> None:
        super().__init__(workspace, tree, srpm, options, history=filling.history, filled_by=filling.program())
        self._filling = filling
        self._required = dict.fromkeys(required)

    def build(self, dist: str, *, network: bool) -> Sequence[Path]:
        """Run rpmbuild in the tree, again for as long as it names something new that it requires.

        It names more when the spec says so in this root alone, or makes its BuildRequires up while it is built
        (`%generate_buildrequires`). dnf has the network for that, the build does not.
        """
        command = self._inside(["rpmbuild", "-ba", *self._told(dist), self._spec], network=network)
        further: tuple[str, ...] = ()
        for _ in range(_MOST_ROUNDS):
            code = self._workspace.run(command)
            log = self._workspace.step_log()
            if code == 0:
                return [path for name in _PRODUCTS for path in self._made(name)]
            check_sandbox(log)
            further = self._further(dist) if code == _UNMET else ()
            if not further:
                raise build_failure(log)
            self._workspace.say(f"the build requires further: {', '.join(further)}")
            self._filling.install((), further)
            self._required |= dict.fromkeys(further)
            self._look()
        reason = f"the build named further BuildRequires {_MOST_ROUNDS} times, the last time {', '.join(further)}"
        raise failed(FailureKind.DEPENDENCY, reason)

    def _further(self, dist: str) -> tuple[str, ...]:
        """Return the missing requirements: of those the build has made up, or those of its spec in this root."""
        made = [path for path in self._made("SRPMS") if path.match("*.buildreqs.nosrc.rpm") and regular(path)]
        if made:
            answer = header(self._workspace, made[0])
            files.remove(made[0])
            if answer.code:
                raise failed(FailureKind.COMPILE, f"the build made what is no package: {answer.last_error}")
            output = answer.output
        else:
            output = self._ask_of_spec(requires_command(self._told(dist), self._spec))
        return tuple(one for one in capabilities(output) if one not in self._required)

    def _made(self, name: str) -> list[Path]:
        """Return the files in a folder of the home; none if the build has put a link there, which may lead out."""
        folder = self._home / name
        if folder.is_symlink() or not folder.is_dir():
            raise failed(FailureKind.COMPILE, f"the build has replaced its folder {name} by something else")
        return sorted(folder.iterdir())


def _check_mount_points(tree: Path) -> None:
    """Raise that a root cannot be used if a mount point in it is a link.

    bubblewrap makes files where the link leads, on the host.
    """
    for name in (*sandbox.MOUNT_POINTS, *sandbox.MOUNTED_FILES):
        if any((tree / part).is_symlink() for part in (Path(name), *Path(name).parents)):
            raise failed(FailureKind.DEPENDENCY, f"a package in the build root has put a link in the place of /{name}")


def _add_account(of_tree: Path, seen: Path) -> None:
    """Write the accounts that the build sees to `seen`: the tree's own ones, and the one that builds."""
    own = of_tree.read_text() if regular(of_tree) else ""
    line = f"{sandbox.NAME}:x:{sandbox.UID}:"
    more = f"{sandbox.UID}:{sandbox.NAME}:{sandbox.HOME}:/bin/sh" if of_tree.name == "passwd" else ""
    seen.write_text(f"{own}{line}{more}\n")


def refusal(command: Sequence[str], interrupts: Interrupts, environment: Mapping[str, str]) -> str | None:
    """Return the last words of a program that only shall succeed, None if it does."""
    with os.fdopen(os.memfd_create("refusal"), "w+b") as said:
        code = run(
            command, interrupts, output=said.fileno(), errors=said.fileno(), folder=Path("/"), environment=environment
        )
        said.seek(0)
        lines = said.read().decode(errors="replace").strip().splitlines()
    return None if code == 0 else lines[-1] if lines else f"exit code {code}"
