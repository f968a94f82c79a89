"""Folders of a person's files, as the XDG Base Directory Specification has it."""

import os
from collections.abc import Mapping
from pathlib import Path

from builder.cli.exits import UsageError


def of_person(variable: str, default: str, environment: Mapping[str, str] = os.environ) -> Path:
    """Return Builder's folder in the one that `variable` names, or else in `default`.

    Raises:
        UsageError: The folder would be in the home folder of somebody who has none, as a container's user.
    """
    try:
        return Path(environment.get(variable) or default).expanduser() / "builder"
    except RuntimeError:
        raise UsageError(f"you have no home folder: set HOME, or {variable}") from None
