"""A whole mini distribution, made in a folder: `repo/` and the definition of its chroot."""

import platform
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from mini_distribution import filesystem, packages
from mini_distribution.dpkg import Installed, Package
from mini_distribution.spec import Rpm, spec

TIME_LIMIT = 600
"""Seconds that rpmbuild may take; it needs ten."""

ESSENTIAL_TOOLS = {"rpmbuild": "rpm", "createrepo_c": "createrepo-c"}
"""The programs that make it, and the Debian package of each."""

DEFINITION = """\
# What a build root of the mini distribution is made of.
distribution = "mini"
version = "{version}"
architecture = "{architecture}"
dist = ".mini{version}"
packages = ["mini-buildroot"]

[[repositories]]
name = "mini"
url = "{url}"
"""


class UnfitHostError(Exception):
    """This host has not what the mini distribution is made from; the message says what, and how to get it."""


def definition_name() -> str:
    """The file name of the chroot's definition."""
    return f"mini-{filesystem.VERSION}-{platform.machine()}.toml"


def definition(repository: Path) -> str:
    """The chroot's definition for packages that come from the folder `repository`."""
    return DEFINITION.format(
        version=filesystem.VERSION, architecture=platform.machine(), url=repository.resolve().as_uri()
    )


def chosen(host: Installed) -> dict[str, Package]:
    """The host's packages that the distribution is made of.

    Raises:
        UnfitHostError: The host is not a Debian one, or packages are not installed.
    """
    if not host.packages:
        raise UnfitHostError(
            "the mini distribution is made from a Debian host's packages, and dpkg lists none here; on a host with RPM "
            "repositories use the chroots of mock-configs/ instead"
        )
    wanted = (*packages.BUILD_ROOT, *packages.ON_REQUEST)
    missing = {name for name in wanted if host.find(name) is None}
    missing |= {package for tool, package in ESSENTIAL_TOOLS.items() if shutil.which(tool) is None}
    if missing:
        raise UnfitHostError(
            "the mini distribution is made from this host's packages, and some are not installed; get them with: "
            f"apt-get install --no-install-recommends {' '.join(sorted(missing))}"
        )
    return host.closure([*wanted, *host.essential()])


def make(folder: Path, host: Installed, closure: dict[str, Package]) -> None:
    """Make `folder/repo`, with its metadata; what it took to make it is removed.

    Raises:
        UnfitHostError: A program failed; the message ends with the last lines it wrote.
    """
    work, repository = folder / "work", folder / "repo"
    tree = work / "tree"
    tree.mkdir(parents=True)
    rpms = list(packages.rpms(closure, host))
    filesystem.put(tree)
    _copy((file.path for rpm in rpms for file in rpm.files), tree)
    _build(filesystem.build_root(host.closure([*packages.BUILD_ROOT, *host.essential()])), rpms, work, repository)
    _run(["createrepo_c", "--quiet", str(repository)])
    shutil.rmtree(work)


def _copy(paths: Iterable[str], tree: Path) -> None:
    for path in paths:
        target = tree / path.removeprefix("/")
        if not target.is_symlink():  # a link of the distribution's own is already there
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target, follow_symlinks=False)


def _build(root: Rpm, rpms: list[Rpm], work: Path, repository: Path) -> None:
    file = work / "mini.spec"
    file.write_text(spec(filesystem.base(), [root, *rpms]))
    defines = {"_topdir": work, "_rpmdir": repository, "_dbpath": work / "rpmdb"}
    options = [option for name, value in defines.items() for option in ("--define", f"{name} {value}")]
    # No %install section and no clean-up: the build root is packaged as it was filled.
    _run(["rpmbuild", "-bb", "--noprep", "--noclean", "--buildroot", str(work / "tree"), *options, str(file)])


def _run(command: list[str]) -> None:
    done = subprocess.run(
        command, check=False, timeout=TIME_LIMIT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-5:])
        raise UnfitHostError(f"{command[0]} ended with exit code {done.returncode}:\n{tail}")
