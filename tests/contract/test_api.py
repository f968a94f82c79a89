"""What the command line relies on in the API: one suite for the farm in memory and for a real master."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from builder import errors
from builder.cli.client import Farm, Settings, read_settings
from builder.cli.premises import Premises, Wishes
from builder.config import Address
from builder.errors import BuilderError
from tests.support.command import LONGEST
from tests.support.farm import TOKEN, MemoryFarm, served
from tests.support.processes import eventually

DEFINITION = """\
project: demo
chroots: [fedora-43-x86_64, fedora-43-aarch64]
packages:
  hello:
    style: release
    packaging: {git: https://git.example.org/hello.git}
    chroots: {exclude: [fedora-43-aarch64]}
---
project: other
chroots: [fedora-43-x86_64]
packages:
  twice:
    style: release
    packaging: {git: https://git.example.org/twice.git}
---
project: third
chroots: [fedora-43-x86_64]
packages:
  twice:
    style: release
    packaging: {git: https://git.example.org/twice.git}
"""


@pytest.fixture(params=["memory", "master"], scope="module")
def settings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Where a farm is that knows `DEFINITION`."""
    if request.param == "memory":
        with served(MemoryFarm()) as url:
            yield defined(Settings(url=url, token=TOKEN))
    else:
        with Master(tmp_path_factory.mktemp("farm")) as told:
            yield defined(told)


class Master:
    """A real master without slaves and repository builder, as a context manager."""

    def __init__(self, folder: Path) -> None:
        self._premises = Premises(folder)
        free = Address(host="127.0.0.1", port=0)
        self._premises.prepare(Wishes(http=free, rpc=free, capacity=1), time.time())

    def __enter__(self) -> Settings:
        premises = self._premises
        command = [sys.executable, "-m", "builder.cli.daemons", "master", "--config", str(premises.config)]
        self._log = (premises.logs / "master.log").open("wb")
        self._process = subprocess.Popen([*command, "--client", str(premises.client)], stderr=self._log)
        log = premises.logs / "master.log"
        eventually("the master is ready", lambda: b"is ready" in log.read_bytes() or self._process.poll() is not None)
        assert self._process.poll() is None, log.read_text()
        return read_settings(premises.client)

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        assert self._process.wait(LONGEST) == 0
        self._log.close()


def defined(settings: Settings) -> Settings:
    Farm(settings).post("definition", DEFINITION)
    return settings


@pytest.fixture
def farm(settings: Settings) -> Farm:
    return Farm(settings)


@pytest.fixture
def build(farm: Farm) -> Iterator[dict[str, Any]]:
    """A build that no other test has touched; it is cancelled afterwards."""
    made = farm.post("builds", {"package": "hello", "project": None, "chroots": [], "force": False})
    yield made
    if farm.get(f"builds/{made['number']}")["finished"] is None:
        farm.post(f"builds/{made['number']}/cancel", {"job": None})


def refused(error: type[BuilderError], farm: Farm, method: str, *arguments: Any) -> None:
    with pytest.raises(error) as told:
        getattr(farm, method)(*arguments)
    assert str(told.value).strip()
    assert "Traceback" not in str(told.value)


def test_applying_tells_the_difference_and_a_dry_run_changes_nothing(farm: Farm) -> None:
    """`POST definition` answers with changes; with `dry_run` it answers the same and does nothing."""
    again = farm.post("definition", DEFINITION)
    assert again == []
    changed = DEFINITION.replace("exclude: [fedora-43-aarch64]", "exclude: [fedora-43-x86_64]")
    for _ in range(2):
        (change,) = farm.post("definition", changed, {"dry_run": True})
        assert change == {
            "what": "package demo/hello: chroots",
            "kind": "changed",
            "before": "{exclude: [fedora-43-aarch64]}",
            "after": "{exclude: [fedora-43-x86_64]}",
        }


def test_every_mistake_comes_back_as_one(farm: Farm) -> None:
    """`mistakes` is a list, each with its line."""
    with pytest.raises(errors.InvalidError) as told:
        farm.post("definition", "project: demo\nchroots: [nowhere-1-x86_64]\nnetwrok: true\n")
    assert [mistake.partition(":")[0] for mistake in told.value.mistakes] == ["line 2", "line 3"]


def test_a_definition_that_is_too_large_is_refused_as_such(farm: Farm) -> None:
    """However early the farm stops to read, the client hears why."""
    refused(errors.TooLargeError, farm, "post", "definition", "#" * (8 * 1024 * 1024))


def test_an_export_is_what_apply_takes(farm: Farm) -> None:
    """Applying what was exported changes nothing."""
    text = farm.text("definition")
    assert "project: demo" in text
    assert farm.post("definition", text, {"dry_run": True}) == []


def test_a_build_has_one_source_job_and_one_per_chroot(build: dict[str, Any], farm: Farm) -> None:
    """The shape of a build, and that it can be asked for again and is in the list."""
    assert (build["project"], build["package"], build["state"], build["finished"]) == ("demo", "hello", "queued", None)
    assert [(job["name"], job["state"]) for job in build["jobs"]] == [
        ("source", "queued"),
        ("fedora-43-x86_64", "waiting"),
    ]
    assert farm.get(f"builds/{build['number']}") == build
    assert farm.get("builds", {"limit": 1})[0]["number"] == build["number"]
    assert farm.get("builds", {"package": "twice"}) == []


def test_what_is_not_there_is_not_found(build: dict[str, Any], farm: Farm) -> None:
    """Builds, jobs, packages, projects, chroots and logs."""
    unknown: dict[str, Any] = {"package": "hallo", "project": None, "chroots": [], "force": False}
    refused(errors.NotFoundError, farm, "get", "builds/999999")
    refused(errors.NotFoundError, farm, "post", "builds", unknown)
    refused(errors.NotFoundError, farm, "post", "builds", unknown | {"package": "hello", "project": "nowhere"})
    refused(errors.NotFoundError, farm, "post", f"builds/{build['number']}/cancel", {"job": "nowhere-1-x86_64"})
    refused(errors.NotFoundError, farm, "get", "packages", {"project": "nowhere"})
    refused(errors.NotFoundError, farm, "text", f"builds/{build['number']}/jobs/source/log")
    refused(errors.NotFoundError, farm, "text", f"builds/{build['number']}/jobs/nowhere/log")


def test_a_batch_is_a_build_of_each_package(farm: Farm) -> None:
    """All of them or none."""
    (build,) = farm.post("batches", {"packages": ["hello"], "project": "demo"})
    assert (build["package"], build["state"]) == ("hello", "queued")
    assert [job["state"] for job in build["jobs"]] == ["queued", "waiting"]
    refused(errors.InvalidError, farm, "post", "batches", {"packages": ["hello", "hallo"]})
    assert farm.get("builds", {"limit": 1})[0]["number"] == build["number"]
    farm.post(f"builds/{build['number']}/cancel", {"job": None})


def test_a_name_that_is_in_two_projects_needs_one_of_them(farm: Farm) -> None:
    """The farm does not guess."""
    asked: dict[str, Any] = {"package": "twice", "project": None, "chroots": [], "force": False}
    refused(errors.ConflictError, farm, "post", "builds", asked)


@pytest.mark.parametrize("token", ["", "another", "not one at all"])
def test_changes_need_a_token(settings: Settings, token: str) -> None:
    """Neither nobody nor somebody unknown may touch anything."""
    stranger = Farm(settings._replace(token=token))
    refused(errors.UnauthorizedError, stranger, "post", "builds", {"package": "hello"})
    refused(errors.UnauthorizedError, stranger, "post", "definition", DEFINITION)


def test_reading_needs_no_token(settings: Settings) -> None:
    """Nobody may look."""
    nobody = Farm(settings._replace(token=""))
    assert isinstance(nobody.get("builds"), list)
    assert nobody.get("slaves") == []


@pytest.mark.parametrize("token", ["another", "not one at all"])
def test_a_token_that_is_no_good_is_refused_for_reading_too(settings: Settings, token: str) -> None:
    """Whoever sends one thinks to be known, and is told."""
    stranger = Farm(settings._replace(token=token))
    refused(errors.UnauthorizedError, stranger, "get", "builds")
    refused(errors.UnauthorizedError, stranger, "get", "slaves")


def test_a_cancelled_build_has_ended(build: dict[str, Any], farm: Farm) -> None:
    """Cancelling is done when it is answered, and a second time is too late."""
    path = f"builds/{build['number']}/cancel"
    ended = farm.post(path, {"job": None})
    assert ended["state"] == "cancelled"
    assert ended["finished"] is not None
    refused(errors.ConflictError, farm, "post", path, {"job": None})


def test_events_are_numbered_and_can_be_followed(build: dict[str, Any], farm: Farm) -> None:
    """A follower gets what was, then what comes; the stream says at once that it has begun."""
    query = {"build": build["number"], "after": 0, "follow": True}
    stream = farm.stream("events", query)
    assert next(stream) == b""
    farm.post(f"builds/{build['number']}/cancel", {"job": None})
    seen: list[dict[str, Any]] = []
    for piece in stream:
        seen += [json.loads(line) for line in piece.splitlines() if line]
        if seen[-1]["kind"] == "build_finished":
            break
    stream.close()
    numbers = [event["number"] for event in seen]
    assert numbers == sorted(set(numbers))
    assert {event["build"] for event in seen} == {build["number"]}
    rest = farm.text("events", {"build": build["number"], "after": numbers[0]})
    assert [json.loads(line)["number"] for line in rest.splitlines()] == numbers[1:]


def told(farm: Farm, **query: Any) -> list[dict[str, Any]]:
    """The events that are asked for."""
    return [json.loads(line) for line in farm.text("events", query).splitlines()]


def test_an_event_says_what_it_is_about(build: dict[str, Any], farm: Farm) -> None:
    """Project, build, job and person each by their names, and `null` for what it is not about."""
    number, who = build["number"], build["requested_by"]
    farm.post(f"builds/{number}/cancel", {"job": None})
    events = told(farm, build=number)
    nothing = {"job": None, "operation": None, "slave": None, "release": None}
    queued = {"number": events[0]["number"], "time": events[0]["time"], "kind": "build_queued", "text": "hello"}
    assert events[0] == queued | nothing | {"project": "demo", "build": number, "who": who}
    (asked,) = [event for event in events if event["kind"] == "cancel_requested"]
    assert (asked["project"], asked["build"], asked["job"], asked["who"]) == ("demo", number, None, who)
    ends = {event["job"]: event["kind"] for event in events if event["job"] is not None}
    assert ends == {"source": "job_cancelled", "fedora-43-x86_64": "job_cancelled"}
    assert {event["project"] for event in events} == {"demo"}


def test_events_are_asked_for_by_project_and_kind(build: dict[str, Any], farm: Farm) -> None:
    """What people do is told with who did it, whether it is about a build or not."""
    (applied, *_) = told(farm, kind="definition_applied", project="demo")
    assert (applied["build"], applied["who"]) == (None, build["requested_by"])
    assert applied["text"].startswith("project demo added, package demo/hello added")
    changed = DEFINITION.replace("project: demo\n", "project: demo\nnetwork: true\n")
    farm.post("definition", changed, {"dry_run": True})
    assert told(farm, kind="definition_applied", project="demo") == [applied]
    farm.post("definition", changed)
    farm.post("definition", DEFINITION)
    texts = [event["text"] for event in told(farm, kind="definition_applied", after=applied["number"], project="demo")]
    assert texts == ["project demo: network changed"] * 2
    assert {event["kind"] for event in told(farm, kind="build_queued")} == {"build_queued"}
    assert told(farm, kind="build_queued", project="nowhere") == []
    refused(errors.InvalidError, farm, "text", "events", {"kind": "nothing_happened"})


def test_a_log_that_never_comes_ends_when_its_job_has_ended(build: dict[str, Any], farm: Farm) -> None:
    """Who follows the log of a job waits for its attempt, and is let go when there will be none."""
    stream = farm.stream(f"builds/{build['number']}/jobs/source/log", {"follow": True, "offset": 0})
    assert next(stream) == b""
    farm.post(f"builds/{build['number']}/cancel", {"job": None})
    assert b"".join(stream) == b""


def test_packages_are_told_in_one_line_each(farm: Farm) -> None:
    """A package with the chroots that it is built for."""
    (hello,) = farm.get("packages", {"project": "demo"})
    assert (hello["package"], hello["style"], hello["chroots"]) == ("hello", "release", ["fedora-43-x86_64"])
    assert len(farm.get("packages")) == 3
