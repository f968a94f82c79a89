#!/usr/bin/env python3
"""Print what Builder asks of a package index: the lines of setup.cfg, and of pyproject.toml what it is built with.

usage: scripts/requirements.py run|test        (test: also what the tests need)
"""

import configparser
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent


def requirements(wanted: str) -> list[str]:
    """Return the requirements, such as `twisted >= 24.7`, of `run` or of `test`, in the order of their names."""
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg")
    asked = config["options"]["install_requires"]
    if wanted == "test":
        asked += config["options.extras_require"]["test"]
    built_with = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    return sorted({*built_with, *filter(None, asked.splitlines())})


if __name__ == "__main__":
    print(*requirements(sys.argv[1]), sep="\n")
