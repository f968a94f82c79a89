"""A client's machine: a folder with a root in which packages are installed."""

import os
import subprocess
from pathlib import Path


class Machine:
    """A machine that has the text of one `.repo` file in the folder `repositories`, and trusts nobody yet."""

    def __init__(self, folder: Path, repositories: Path, text: str) -> None:
        self.folder = folder
        self.root = folder / "root"
        repositories.mkdir(parents=True)
        (repositories / "farm.repo").write_text(text)

    def environment(self) -> dict[str, str]:
        """Debian's rpm has its database in the home of whoever calls it, below the root."""
        return {**os.environ, "HOME": str(self.folder), "LC_ALL": "C.UTF-8", "no_proxy": "127.0.0.1"}

    def installed(self) -> list[str]:
        """The packages that are installed, with version and release; rpm's database has keys, too."""
        command = ["rpm", f"--root={self.root}", "--query", "--all", "--qf", "%{name}-%{version}-%{release}\n"]
        said = subprocess.run(command, env=self.environment(), capture_output=True, text=True, check=True).stdout
        return sorted(line for line in said.splitlines() if not line.startswith("gpg-pubkey-"))
