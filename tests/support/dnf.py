"""A machine with dnf, of which a test is the owner."""

import os
import subprocess
from pathlib import Path


class Client:
    """A machine whose dnf has the text of one `.repo` file, and trusts nobody yet."""

    def __init__(self, folder: Path, text: str) -> None:
        self.folder = folder
        for name in ("repos", "log"):
            (folder / name).mkdir(parents=True)
        (folder / "repos/farm.repo").write_text(text)

    def dnf(self, *arguments: str) -> tuple[int, str]:
        """The exit code of a command, and what it said; keys that the `.repo` file names are trusted."""
        options = {
            "reposdir": self.folder / "repos",
            "cachedir": self.folder / "cache",
            "persistdir": self.folder / "persist",
            "logdir": self.folder / "log",
            "plugins": 0,
            "retries": 1,
        }
        set_options = [f"--setopt={name}={value}" for name, value in options.items()]
        place = [f"--installroot={self.folder}/root", "--releasever=43", "--forcearch=x86_64"]
        environment = self._environment() | {"no_proxy": "127.0.0.1"}
        command = ["dnf", "--assumeyes", *set_options, *place, *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        return done.returncode, done.stdout + done.stderr

    def installed(self) -> list[str]:
        """The packages that are installed, with version and release; rpm's database has keys, too."""
        command: list[str | Path] = [
            "rpm",
            "--root",
            self.folder / "root",
            "--query",
            "--all",
            "--qf",
            "%{name}-%{version}-%{release}\n",
        ]
        said = subprocess.run(command, env=self._environment(), capture_output=True, text=True, check=True).stdout
        return sorted(line for line in said.splitlines() if not line.startswith("gpg-pubkey-"))

    def _environment(self) -> dict[str, str]:
        """Debian's rpm has its database in the home of whoever calls it, below the root."""
        return {**os.environ, "HOME": str(self.folder), "LC_ALL": "C.UTF-8"}
