"""A machine with zypper, of which a test is the owner."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.support.machine import Machine
from tests.support.unpacked import program

_PLACES = {"CONF": "zypp.conf", "LOGFILE": "zypper.log", "LOCKFILE_ROOT": "."}
"""Where libzypp has what would be the system's, below the machine's folder."""


class Client(Machine):
    """A machine whose zypper has the text of one `.repo` file, and trusts nobody yet."""

    def __init__(self, folder: Path, text: str) -> None:
        super().__init__(folder, folder / "root/etc/zypp/repos.d", text)
        self._program = program("zypper")
        (folder / _PLACES["CONF"]).touch()
        self._environment = self.environment() | self._program.environment
        for name in ("CONF", "LOGFILE", "LOCKFILE_ROOT"):
            self._environment[f"ZYPP_{name}"] = str(folder / _PLACES[name])
        self._add_a_name_for_repo2solv()

    def zypper(self, *arguments: str) -> tuple[int, str]:
        """The exit code of a command, and what it said; keys that the `.repo` file names are trusted."""
        options = ["--non-interactive", "--gpg-auto-import-keys", f"--root={self.root}"]
        command = [self._program.file, *options, *arguments]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, timeout=120, check=False)
        return done.returncode, done.stdout + done.stderr

    def _add_a_name_for_repo2solv(self) -> None:
        """Where `/usr/bin` has no `repo2solv`, libzypp takes `repo2solv.sh` from the path."""
        found = shutil.which("repo2solv", path=self._environment["PATH"])
        assert found is not None
        (self.folder / "bin").mkdir()
        (self.folder / "bin/repo2solv.sh").symlink_to(found)
        self._environment["PATH"] += f"{os.pathsep}{self.folder / 'bin'}"
