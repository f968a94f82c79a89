"""The filling of a tree by dnf with what a build requires: once at first, and again for what the build names later."""

import os
from collections.abc import Sequence
from pathlib import Path

from builder import files
from builder.attempt import kept
from builder.attempt.endings import broken, failed
from builder.errors import InvalidError
from builder.model.attempt import FailureKind
from builder.model.inputs import Program
from builder.model.options import Options
from builder.model.work import ChrootWork
from builder.runner import sandbox, spec
from builder.runner.diagnosis import install_failure
from builder.runner.executors import installed
from builder.runner.executors.cache import cache_slot
from builder.runner.executors.dnf import Places, build_requires, configuration, install_command, local_repositories
from builder.runner.workspace import ProgramOutput, Workspace, head

DATABASE = "/var/lib/rpm"
"""The place of rpm's database in the tree; Debian's rpm would look for it in the home of the user."""
REQUIRES_FORMAT = f"[{spec.ANSWER}%{{REQUIRENEVRS}}]\\n"
"""The format of rpm for an SRPM's requirements."""


class Filling:
    """The filling of one tree."""

    def __init__(self, workspace: Workspace, work: ChrootWork, tree: Path) -> None:
        for name in sandbox.MOUNT_POINTS:
            (tree / name).mkdir(parents=True)
        if work.network:
            (tree / sandbox.RESOLVER.lstrip("/")).touch()
        self._workspace = workspace
        self._work = work
        self._tree = tree
        self._own = workspace.folder("dnf")
        trust = workspace.state.trust
        self._trust = trust if trust.exists() else None
        (self._own / ".rpmmacros").write_text(f"%_dbpath {DATABASE}\n%_netsharedpath {sandbox.NOT_INSTALLED}\n")

    def install(self, packages: Sequence[str], required: Sequence[str]) -> None:
        """Install the chroot's own `packages` and what the build has `required`, in one transaction.

        Raises:
            EndedError: Something is not to be had.
        """
        caches = self._workspace.state.dnf
        with cache_slot(caches, self._work.chroot.name) as cache:
            kept.prune(caches)
            places = Places(tree=self._tree, cache=cache, own=self._own, trust=self._trust)
            config = self._own / "dnf.conf"
            config.write_text(configuration(self._work, places))
            confined = sandbox.installing(
                install_command(config, places, self._work.chroot.version, [*packages, *required]),
                self._tree,
                self._own,
                sandbox.host_links(),
                readable=[*local_repositories(self._work), *([self._trust] if self._trust else [])],
                writable=[cache],
            )
            if self._workspace.run(sandbox.as_owner(confined, os.geteuid())):
                raise install_failure(self._workspace.step_log(), tuple(required), self._work.srpm.name)

    @property
    def history(self) -> Path:
        """The database of what dnf did; to dnf, its folders are below the root that it fills."""
        return self._inner / "persist" / "history.sqlite"

    def program(self) -> Program:
        """Return the program that fills the tree."""
        log = self._inner / "log" / "dnf.log"
        return Program(name="dnf", version=installed.dnf_version(head(log) if spec.regular(log) else ""))

    @property
    def _inner(self) -> Path:
        return self._tree / self._own.relative_to("/")


def requirements(workspace: Workspace, srpm: Path, options: Options) -> tuple[str, ...]:
    """Return the requirements of `srpm` for a build with these options.

    It was made with what holds in every chroot: where there are options, its spec is asked again, by the host's rpm.

    Raises:
        EndedError: The SRPM cannot be read, or names what no package in a repository can provide.
    """
    if options.defined:
        return capabilities(_answer(workspace, srpm, options))
    answer = header(workspace, srpm)
    if answer.code:
        raise broken(f"{srpm.name} cannot be read: {answer.last_error}")
    return capabilities(answer.output)


def header(workspace: Workspace, srpm: Path) -> ProgramOutput:
    """Return rpm's answer about an SRPM, in `REQUIRES_FORMAT`; a build may have made the SRPM."""
    command = ["rpm", "--query", "--package", "--nosignature", "--queryformat", REQUIRES_FORMAT, f"./{srpm.name}"]
    return workspace.ask(sandbox.on_host(command, srpm.parent, sandbox.host_links()))


def _answer(workspace: Workspace, srpm: Path, options: Options) -> str:
    home = workspace.folder("asked")
    files.link(srpm, home / srpm.name)
    links = sandbox.host_links()
    unpack = ["rpm", "--install", "--nosignature", *spec.TOPDIR, srpm.name]
    answer = workspace.ask(sandbox.on_host(unpack, home, links, ["."]))
    path = unpacked(answer, srpm.name, home)
    command = requires_command([*spec.TOPDIR, *spec.defines(options)], path)
    name = path.removeprefix("SPECS/")
    return spec.ask(workspace, home, command, f"{name} does not parse with the options of the chroot").output


def unpacked(answer: ProgramOutput, srpm: str, home: Path) -> str:
    """Return the path of the spec in `home`, below which rpm has unpacked an SRPM with this answer.

    Raises:
        EndedError: rpm has unpacked none.
    """
    specs = [path for path in (home / "SPECS").glob("*.spec") if spec.regular(path)]
    if answer.code or len(specs) != 1:
        raise broken(f"{srpm} cannot be unpacked: {answer.last_error}")
    return f"SPECS/{specs[0].name}"


def requires_command(told: Sequence[str], path: str) -> list[str]:
    """Return the arguments of rpmspec for the build requirements of the spec at `path`."""
    return ["rpmspec", "--query", "--srpm", "--queryformat", REQUIRES_FORMAT, *told, path]


def capabilities(output: str) -> tuple[str, ...]:
    """Return the requirements in an answer in `REQUIRES_FORMAT`.

    Raises:
        EndedError: One of them is what no package in a repository can provide.
    """
    try:
        return build_requires("\n".join(spec.answers(output)))
    except InvalidError as error:
        raise failed(FailureKind.DEPENDENCY, str(error)) from error
