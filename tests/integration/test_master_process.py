"""The master as a process of its own, started by whoever it may be."""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.error import HTTPError

import pytest

from builder.state import StateFolder
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


def test_a_token_that_is_deleted_by_hand_is_refused_at_once(tmp_path: Path) -> None:
    """Nobody tells the running master: the next request is refused, whatever it asks for."""
    definition = "project: demo\nchroots: [fedora-43-x86_64]\npackages: {}\n"
    requests = [
        ("GET", "/api/v1/secrets", None),
        ("GET", "/api/v1/builds", None),
        ("POST", "/api/v1/definition", definition),
    ]
    with Farm(tmp_path, ROOT / "mock-configs", slaves=0) as farm:
        assert [bool(farm.call(*request)) for request in requests] == [False, False, True]
        with closing(sqlite3.connect(StateFolder(farm.state).database)) as database, database:
            assert database.execute("DELETE FROM tokens").rowcount == 1
        for request in requests:
            with pytest.raises(HTTPError, match="401") as refused:
                farm.call(*request)
            refused.value.close()
