"""The master as a process of its own, started by whoever it may be."""

from pathlib import Path

import pytest

from tests.support.distribution import ROOT
from tests.support.processes import Farm

pytestmark = pytest.mark.farm


def test_a_user_without_a_name_starts_a_master(tmp_path: Path) -> None:
    """A container's user may be in no list of users; the token is for its number then, and lets it in."""
    farm = Farm(tmp_path, ROOT / "mock-configs", slaves=0)
    farm.master.command[:0] = ["unshare", "--user", "--map-user=54321", "--"]
    farm.master.environment |= dict.fromkeys(("LOGNAME", "USER", "LNAME", "USERNAME"), "")
    with farm:
        definition = "project: demo\nchroots: [fedora-43-x86_64]\npackages: {}\n"
        assert farm.call("POST", "/api/v1/definition", definition)
