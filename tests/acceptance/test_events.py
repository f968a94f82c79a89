"""What people type, and what becomes of slaves, is told as events."""

import getpass
import json
import re
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.support.packages import definition, packaging
from tests.support.processes import DEADLINE, Farm, eventually

pytestmark = pytest.mark.farm

REPO = "hello/testing/mini-12/x86_64"
NEVRA = "hello-1.0-1.mini12.noarch"
SECRET = "a-token-of-a-test"


def typed(farm: Farm, *arguments: str) -> str:
    """What a command says that succeeds."""
    ended = farm.builder(*arguments)
    assert ended.returncode == 0, ended
    return ended.stdout


def events(farm: Farm, query: str = "") -> list[dict[str, Any]]:
    """What anybody is told, who need not prove who they are."""
    with urllib.request.urlopen(f"{farm.url}/api/v1/events?{query}", timeout=DEADLINE) as answer:
        return [json.loads(line) for line in answer.read().splitlines()]


def told_of(farm: Farm, slave: str) -> list[str]:
    """What is told of a slave's coming and going."""
    return [event["kind"] for event in events(farm) if event["slave"] == slave and event["project"] is None]


def test_what_is_typed_is_told(tmp_path: Path, mini_chroots: Path) -> None:
    """Each command makes the event of what it did, with who typed it; a killed slave is lost, and returns."""
    person = getpass.getuser()
    with Farm(tmp_path, mini_chroots, slaves=1, lease=2.0, grace=1.0) as farm:
        farm_yaml, token = tmp_path / "farm.yaml", tmp_path / "token"
        farm_yaml.write_text(definition("hello", {"hello": packaging(tmp_path / "git", "hello")}))
        token.write_text(SECRET)
        typed(farm, "apply", "-f", str(farm_yaml))
        typed(farm, "apply", "-f", str(farm_yaml))
        typed(farm, "secret", "set", "hello", "deploy", "--file", str(token))
        typed(farm, "secret", "remove", "hello", "deploy")
        typed(farm, "build", "hello", "--watch")
        typed(farm, "promote", "hello", "--from", "testing", "--to", "stable", "--plan")
        typed(farm, "promote", "hello", "--from", "testing", "--to", "stable")
        promotion = typed(farm, "repo", "operations", "hello").split("\t")[0]
        typed(farm, "repo", "rollback", REPO, "1", "--reason", "it burns")
        typed(farm, "repo", "undo", promotion)
        refused = farm.builder("repo", "rollback", REPO, "99")
        assert refused.returncode == 3
        own = events(farm, "project=hello")
        *by_people, last = [(event["kind"], event["text"]) for event in own if event["who"] is not None]
        assert by_people == [
            ("definition_applied", "project hello added, package hello/hello added"),
            ("secret_set", ""),
            ("secret_removed", ""),
            ("build_queued", "hello"),
            ("operation_requested", "promote"),
            ("operation_applied", "promote"),
            ("operation_requested", "promote"),
            ("packages_promoted", f"from testing to stable: {NEVRA}, hello-1.0-1.mini12.src"),
            ("operation_requested", "rollback (it burns)"),
            ("repository_rolled_back", f"{REPO} to generation 1 (it burns)"),
            ("operation_requested", "undo"),
            ("operation_undone", f"operation {promotion}"),
            ("operation_requested", "rollback"),
        ]
        assert last[0] == "operation_rejected"
        assert re.match(r"rollback: .*99", last[1])
        assert {event["who"] for event in own} == {None, person}
        assert SECRET not in json.dumps(events(farm))
        of_build = [event["kind"] for event in events(farm, "build=1")]
        assert [kind for kind in of_build if not kind.startswith("step_")] == [
            "build_queued",
            *("job_queued", "job_running", "job_succeeded"),
            *("job_queued", "job_running", "job_publishing", "operation_applied", "job_succeeded"),
            "build_finished",
        ]
        (slave,) = farm.slaves
        assert told_of(farm, "slave1") == ["slave_seen"]
        slave.kill()
        eventually("the slave is lost", lambda: told_of(farm, "slave1") == ["slave_seen", "slave_lost"])
        slave.start()
        eventually("it is back", lambda: told_of(farm, "slave1") == ["slave_seen", "slave_lost", "slave_returned"])
