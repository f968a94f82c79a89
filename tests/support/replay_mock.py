"""A replay of mock: a program that does on its command line what mock does, small, for hosts that have none.

It follows mock where the executor can tell: who may run it, configurations that are Python, plugins and their hooks,
the cache of the root, `state.log`, exit codes that mislead, unknown options that are accepted in silence. The root is
filled by dnf and built in by chroot(1). The contract suite runs with it and with the real one.
"""

import argparse
import grp
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ACCOUNT = "mockbuild"
ROUNDS = 10
LIMIT = 600
"""Seconds that any program may take."""


class MockError(Exception):
    """What mock ends with."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def defaults() -> dict[str, Any]:
    """The options that a configuration finds."""
    plugins = Path(os.environ["HOME"]) / "no-plugins"  # the real one has a dozen, each of which is done here
    plugins.mkdir(exist_ok=True)
    return {
        "plugin_dir": str(plugins),
        "plugins": [],
        "plugin_conf": {"root_cache_opts": {"compress_program": "gzip", "extension": ".gz"}},
        "macros": {"%_topdir": "/builddir/build"},
        "dnf.conf": "",
    }


def read(path: Path, options: dict[str, Any]) -> None:
    """Execute a configuration, with what it includes."""
    included = re.compile(r"^include\((.*)\)", re.MULTILINE)
    text = included.sub(lambda one: Path(one[1].strip("'\"")).read_text(), path.read_text())
    try:
        exec(text, {"config_opts": options})  # noqa: S102 - that is how mock reads it
    except Exception as error:
        raise MockError(f"Config error: {path}: {error}", 3) from error


class Replay:
    """One run."""

    def __init__(self, options: dict[str, Any], arguments: argparse.Namespace, user: int) -> None:
        self.options = options
        self.group = grp.getgrnam("mock").gr_gid
        self.user = user
        self.again = arguments.no_clean
        self.srpm = Path(arguments.rebuild)
        self.top = Path(options["basedir"]) / f"{options['root']}-{arguments.uniqueext}"
        self.root = self.top / "root"
        self.result = Path(arguments.resultdir)
        self.is_bootstrap = False
        self.hooks: dict[str, list[Callable[[], None]]] = {}
        for name in options["plugins"]:
            self._load(name)

    def add_hook(self, stage: str, hook: Callable[[], None]) -> None:
        """What plugins call."""
        self.hooks.setdefault(stage, []).append(hook)

    def _load(self, name: str) -> None:
        spec = importlib.util.spec_from_file_location(name, f"{self.options['plugin_dir']}/{name}.py")
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        module.init(self, self.options["plugin_conf"][f"{name}_opts"], self)

    def call(self, stage: str) -> None:
        """Call the hooks of a stage."""
        for hook in self.hooks.get(stage, []):
            hook()

    def state(self, what: str) -> None:
        """A line of `state.log`, which is opened to append."""
        sys.stderr.write(f"{what}\n")
        with (self.result / "state.log").open("a") as log:
            log.write(f"2026-11-21 08:30:16,069 - {what}\n")

    def rebuild(self) -> None:
        """What `--rebuild` does."""
        if not self.result.is_dir():
            raise MockError("Result directory could not be created", 70)
        self.state("Start: run")
        sys.stderr.write("Mock Version: replay\n")
        if not self.again:
            shutil.rmtree(self.top, ignore_errors=True)
        self.init()
        self.state(f"Start: build setup for {self.srpm.name}")
        self.inside(["rpm", "-Uvh", "--nodeps", f"/builddir/{self.srpm.name}"])
        (spec,) = (self.root / "builddir/build/SPECS").glob("*.spec")
        for earlier in (self.root / "builddir/build/SRPMS").iterdir():
            earlier.unlink()
        self.rpmbuild("-bs", spec.name)
        (rebuilt,) = (self.root / "builddir/build/SRPMS").glob("*.src.rpm")
        asked = self.requirements(rebuilt)
        needs = [line for line in asked if not line.startswith("rpmlib(")]
        if needs and not self.again:
            self.dnf("install", *needs)
        self.state(f"Finish: build setup for {self.srpm.name}")
        self.call("prebuild")
        self.state(f"Start: rpmbuild {self.srpm.name}")
        mode = ["-bb"]
        if any(line.startswith("rpmlib(DynamicBuildRequires)") for line in asked):
            self.install_dynamic(spec.name)
            mode = ["-ba", "--noprep"]
        self.rpmbuild(*mode, spec.name)
        for path in [*self.root.glob("builddir/build/RPMS/*.rpm"), *self.root.glob("builddir/build/SRPMS/*.rpm")]:
            shutil.copy2(path, self.result)
        self.state("Finish: run")

    def install_dynamic(self, spec: str) -> None:
        """Install what `%generate_buildrequires` names, until that installs nothing new."""
        done: list[str] = []
        for _ in range(ROUNDS):
            self.rpmbuild("-br", *(["--noprep"] if done else []), spec, also=11)
            (made,) = (self.root / "builddir/build/SRPMS").glob("*.buildreqs.nosrc.rpm")
            needs = [line for line in self.requirements(made) if not line.startswith("rpmlib(")]
            made.unlink()
            if set(needs) <= set(done):
                return
            self.dnf("install", *needs)
            done += needs

    def requirements(self, srpm: Path) -> list[str]:
        """What an SRPM in the root requires."""
        asked = ["rpm", "-qp", "--nosignature", "--requires", f"/{srpm.relative_to(self.root)}"]
        return [line.strip() for line in self.inside_answer(asked).splitlines()]

    def init(self) -> None:
        """Fill the root, or unpack the cache of it and bring that up to date."""
        opts = self.options["plugin_conf"]["root_cache_opts"]
        cache = Path(opts["dir"]) / f"cache.tar{opts['extension']}"
        tar = ["tar", "--use-compress-program", opts["compress_program"], "-f", str(cache), "-C", str(self.root)]
        self.state("Start: chroot init")
        if not self.again:
            for name in ("builddir", "dev", "proc", "sys", "tmp", "var/tmp"):
                (self.root / name).mkdir(parents=True)
            if cache.exists():
                self.run([*tar, "-x"], 1)
                self.dnf("upgrade")
            else:
                self.dnf(*self.options["chroot_setup_cmd"])
                self.run([*tar, "-c", "."], 1)
                (cache.parent / "cache.log").write_text("")
            self.furnish()
        self.run(["mount", "--rbind", "/proc", str(self.root / "proc")], 1)
        macros = "".join(f"{name} {value}\n" for name, value in self.options["macros"].items())
        (self.root / "builddir/.rpmmacros").write_text(
            f"{macros}%_rpmfilename %%{{NAME}}-%%{{VERSION}}-%%{{RELEASE}}.%%{{ARCH}}.rpm\n"
        )
        self.state("Finish: chroot init")

    def furnish(self) -> None:
        """Devices, the account that builds, and its home."""
        for name, minor in (("null", 3), ("zero", 5), ("urandom", 9)):
            path = self.root / "dev" / name
            path.unlink(missing_ok=True)
            os.mknod(path, 0o20666, os.makedev(1, minor))
            path.chmod(0o666)
        with (self.root / "etc/passwd").open("a") as accounts:
            accounts.write(f"{ACCOUNT}:x:{self.user}:{self.group}::/builddir:/bin/bash\n")
        for name in ("RPMS", "SPECS", "SRPMS", "SOURCES", "BUILD", "BUILDROOT"):
            (self.root / "builddir/build" / name).mkdir(parents=True)
        shutil.copy(self.srpm, self.root / "builddir")
        self.run(["chown", "-R", f"{self.user}:{self.group}", str(self.root / "builddir")], 1)

    def dnf(self, *command: str) -> None:
        """The package manager, between its hooks."""
        home = self.top / "home"
        home.mkdir(exist_ok=True)
        (home / ".rpmmacros").write_text("%_netsharedpath /proc:/sys:/dev\n")
        config = self.top / "dnf.conf"
        config.write_text(
            f"{self.options['dnf.conf']}\n[main]\ncachedir={Path(self.options['cache_topdir']) / 'dnf'}\n"
        )
        releasever = f"--releasever={self.options['releasever']}"
        self.call("preyum")
        try:
            options = ["--disableplugin=*", f"--config={config}", f"--installroot={self.root}", releasever]
            self.run(["dnf", *options, *command], 30, {"HOME": str(home)})
        finally:
            self.call("postyum")

    def rpmbuild(self, *words: str, also: int = 0) -> None:
        """rpmbuild in the root; mock passes on whatever code it ends with, unless that is `also` good."""
        *mode, spec = words
        command = f"/usr/bin/rpmbuild {' '.join(mode)} --nodeps /builddir/build/SPECS/{spec}"
        self.inside(["bash", "--login", "-c", command], also)

    def inside(self, command: list[str], also: int = 0) -> None:
        """Run a program in the root as the account that builds."""
        self.run(self._inside(command), 1, {"HOME": "/builddir", "LANG": "C.UTF-8"}, also)

    def inside_answer(self, command: list[str]) -> str:
        """What a program in the root says."""
        return subprocess.run(self._inside(command), check=True, capture_output=True, text=True, timeout=LIMIT).stdout

    def _inside(self, command: list[str]) -> list[str]:
        return ["chroot", f"--userspec={self.user}:{self.group}", str(self.root), *command]

    def run(self, command: list[str], code: int, environment: dict[str, str] | None = None, also: int = 0) -> None:
        """Run a program that shall succeed, or end with the code that is `also` good."""
        whole = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", **(environment or {})}
        ended = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, env=whole, timeout=LIMIT).returncode
        if ended not in {0, also}:
            raise MockError(f"Command failed: \n # {' '.join(command)}", code)


def main() -> int:
    """Run, and return mock's exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--version", action="version", version="replay")
    parser.add_argument("--root", type=Path)
    parser.add_argument("--uniqueext")
    parser.add_argument("--resultdir")
    parser.add_argument("--no-clean", action="store_true")
    parser.add_argument("--rebuild")
    if not os.environ.get("SUDO_UID"):
        raise MockError("mock will not run from the root account (needs an unprivileged uid so it can drop privs)", 1)
    arguments, _ = parser.parse_known_args()
    os.environ["HOME"] = str(arguments.root.parent)
    options = defaults()
    read(arguments.root, options)
    Replay(options, arguments, int(os.environ["SUDO_UID"])).rebuild()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except MockError as error:
        sys.stderr.write(f"ERROR: {error}\n")
        sys.exit(error.code)
