"""A machine with dnf, of which a test is the owner."""

import subprocess
from pathlib import Path

from tests.support.machine import Machine


class Client(Machine):
    """A machine whose dnf has the text of one `.repo` file, and trusts nobody yet."""

    def __init__(self, folder: Path, text: str) -> None:
        super().__init__(folder, folder / "yum.repos.d", text)
        (folder / "log").mkdir()

    def dnf(self, *arguments: str) -> tuple[int, str]:
        """The exit code of a command, and what it said; keys that the `.repo` file names are trusted."""
        options = {
            "reposdir": self.folder / "yum.repos.d",
            "cachedir": self.folder / "cache",
            "persistdir": self.folder / "persist",
            "logdir": self.folder / "log",
            "plugins": 0,
            "retries": 1,
        }
        set_options = [f"--setopt={name}={value}" for name, value in options.items()]
        place = [f"--installroot={self.root}", "--releasever=43", "--forcearch=x86_64"]
        command = ["dnf", "--assumeyes", *set_options, *place, *arguments]
        done = subprocess.run(command, env=self.environment(), capture_output=True, text=True, timeout=120, check=False)
        return done.returncode, done.stdout + done.stderr
