"""The API, request by request."""

from typing import Any

import msgspec

from builder.model.attempt import AttemptState, Outcome
from builder.model.build import Build, BuildState
from builder.model.difference import DefinitionChange
from builder.model.event import CONFIDENTIAL, Event, EventKind
from builder.model.job import JobState
from builder.model.package import PackageSummary
from builder.model.slave import Slave
from builder.web.api.status import Status
from tests.support.small_farm import ALPHA, CHROOT, DEFINITION
from tests.support.web import WebTest

OK = Outcome(state=AttemptState.SUCCEEDED)


class BuildsTest(WebTest):
    """`/api/v1/builds`."""

    def test_a_build_is_asked_for_and_shown(self) -> None:
        """The answer to a request is the build, in the name of the token's owner; showing it says the same."""
        build = self.ada.post("/api/v1/builds", {"package": "hello"}).json(Build)
        assert (build.number, build.package, build.state) == (1, "hello", BuildState.QUEUED)
        assert build.requested_by == "ada"
        assert self.client.get("/api/v1/builds/1").json(Build) == build

    def test_builds_are_listed_in_parts(self) -> None:
        """The newest first; `before` goes on with older ones, `package` leaves the others out."""
        for name in ("hello", "hellolib", "hello"):
            self.ada.post("/api/v1/builds", {"package": name})
        listed = self.client.get("/api/v1/builds?limit=2").json(list[Build])
        assert [build.number for build in listed] == [3, 2]
        assert [build.number for build in self.client.get("/api/v1/builds?before=2").json(list[Build])] == [1]
        assert [build.number for build in self.client.get("/api/v1/builds?package=hello").json(list[Build])] == [3, 1]

    def test_a_job_is_cancelled(self) -> None:
        """Cancelling says who did it, and leaves the other jobs alone."""
        self.ada.post("/api/v1/builds", {"package": "hello"})
        build = self.ada.post("/api/v1/builds/1/cancel", {"job": CHROOT}).json(Build)
        states = {job.name: job.state for job in build.jobs}
        assert states[CHROOT] is JobState.CANCELLED
        assert states["source"] is JobState.QUEUED
        assert "ada" in build.job(CHROOT).reason

    def test_a_build_is_cancelled_without_a_body(self) -> None:
        """Nothing named means all of it; a second time is a conflict."""
        self.ada.post("/api/v1/builds", {"package": "hello"})
        assert self.ada.request("POST", "/api/v1/builds/1/cancel").json(Build).state is BuildState.CANCELLED
        assert self.ada.request("POST", "/api/v1/builds/1/cancel").status == 409

    def test_a_package_nobody_knows_is_a_sentence(self) -> None:
        """A service's error becomes status, tag and sentence."""
        reply = self.ada.post("/api/v1/builds", {"package": "helo"})
        assert reply.status == 404
        failure = reply.json(dict[str, Any])
        assert failure["error"] == "NOT_FOUND"
        assert "`helo`" in failure["message"]


class DefinitionTest(WebTest):
    """`/api/v1/definition`."""

    def test_a_definition_is_compared_applied_and_exported(self) -> None:
        """`dry_run` tells the changes and makes none; what is exported changes nothing when applied."""
        changed = DEFINITION.replace("style: release", "style: release\n    timeout: 3h")
        for path in ("/api/v1/definition?dry_run=1", "/api/v1/definition"):
            (change,) = self.ada.post(path, changed).json(list[DefinitionChange])
            assert change.what.endswith("timeout")
        assert self.ada.post("/api/v1/definition", changed).json(list[DefinitionChange]) == []
        exported = self.client.get("/api/v1/definition?project=hello")
        assert exported.headers["content-type"] == "application/yaml"
        assert self.ada.post("/api/v1/definition", exported.text).json(list[DefinitionChange]) == []

    def test_every_mistake_is_told(self) -> None:
        """Mistakes come one by one, each with its line."""
        reply = self.ada.post("/api/v1/definition", "project: x\nchroots: [nowhere-1-x86_64]\nnetwork: perhaps\n")
        assert reply.status == 422
        mistakes = reply.json(dict[str, Any])["mistakes"]
        assert [mistake.partition(":")[0] for mistake in mistakes] == ["line 2", "line 3"]


class EventsTest(WebTest):
    """`/api/v1/events` without `follow`."""

    def test_events_are_lines(self) -> None:
        """One JSON object per line, after a number, of one build, at most as many as wanted."""
        for name in ("hello", "hellolib"):
            self.ada.post("/api/v1/builds", {"package": name})
        reply = self.client.get("/api/v1/events?after=1&build=2")
        assert reply.headers["content-type"] == "application/jsonl"
        events = msgspec.json.Decoder(Event).decode_lines(reply.body)
        assert {event.build for event in events} == {2}
        assert events[0].kind is EventKind.BUILD_QUEUED
        assert len(self.client.get("/api/v1/events?limit=3").body.splitlines()) == 3

    def test_the_name_of_a_secret_is_not_public(self) -> None:
        """That one was set, for which project and by whom, may be known; how it is called is kept for people."""
        self.ada.post("/api/v1/secrets/hello/deploy", {"value": "a-token-of-a-test"})
        self.ada.post("/api/v1/secrets/hello/deploy/remove", {})
        events = msgspec.json.Decoder(Event).decode_lines(self.client.get("/api/v1/events").body)
        told = [(event.kind, event.project, event.who, event.text) for event in events if event.kind in CONFIDENTIAL]
        assert told == [
            (EventKind.SECRET_SET, "hello", "ada", ""),
            (EventKind.SECRET_REMOVED, "hello", "ada", ""),
        ]
        for path in ("/api/v1/events?kind=secret_set", "/api/v1/events?kind=secret_removed"):
            (event,) = msgspec.json.Decoder(Event).decode_lines(self.ada.get(path).body)
            assert event.text == "deploy"


class LogsTest(WebTest):
    """`/api/v1/builds/N/jobs/J/log` without `follow`."""

    def test_a_log_is_read_from_an_offset(self) -> None:
        """The bytes as they were written, with their length, from where the reader is; of an older attempt too."""
        self.ada.post("/api/v1/builds", {"package": "hello"})
        fence = self.farm.begin(1, "source")
        self.farm.write(1, "source", fence, b"<b>\xff one\n\x1b[2Jtwo\n")
        reply = self.client.get("/api/v1/builds/1/jobs/source/log?offset=9")
        assert reply.body == b"\x1b[2Jtwo\n"
        assert reply.headers["content-length"] == "8"
        assert reply.headers["content-type"] == "text/plain; charset=utf-8"
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in reply.headers["content-security-policy"]
        assert self.client.get("/api/v1/builds/1/jobs/source/log?fence=1&offset=17").body == b""

    def test_what_is_not_there_is_told(self) -> None:
        """No such build, job, attempt, log or offset: each is a sentence of its own."""
        self.ada.post("/api/v1/builds", {"package": "hello"})
        fence = self.farm.begin(1, "source")
        self.farm.write(1, "source", fence, b"12345")
        log = "/api/v1/builds/1/jobs/{}/log"
        assert self.client.get("/api/v1/builds/2/jobs/source/log").status == 404
        assert "build 1 has no job `x`" in self.client.get(log.format("x")).text
        assert "is waiting and has no log" in self.client.get(log.format(CHROOT)).text
        assert "1/source has no attempt 2" in self.client.get(log.format("source") + "?fence=2").text
        reply = self.client.get(log.format("source") + "?offset=6")
        assert (reply.status, "5 bytes" in reply.text) == (422, True)


class OthersTest(WebTest):
    """Packages, slaves, and how the farm is."""

    def test_packages_are_listed(self) -> None:
        """With the newest build of each; of a project that does not exist there are none."""
        self.ada.post("/api/v1/builds", {"package": "hello"})
        listed = self.client.get("/api/v1/packages?project=hello").json(list[PackageSummary])
        assert [(package.package, package.newest) for package in listed] == [("hello", 1), ("hellolib", None)]
        assert self.client.get("/api/v1/packages?project=nothing").status == 404

    def test_slaves_are_listed(self) -> None:
        """As the master knows them: what they take, whether they are there, and how busy they are."""
        self.ada.post("/api/v1/builds", {"package": "hello"})
        self.farm.begin(1, "source", "alpha")
        alpha, beta = self.client.get("/api/v1/slaves").json(list[Slave])
        assert (alpha.name, alpha.connected, alpha.busy, alpha.facts) == ("alpha", True, 1, ALPHA.facts)
        assert (beta.name, beta.connected, beta.busy, beta.architectures) == ("beta", False, 0, ("aarch64",))

    def test_the_farm_is_told_in_numbers(self) -> None:
        """Unfinished jobs by state, and the places of slaves that are there."""
        self.ada.post("/api/v1/builds", {"package": "hello"})
        status = self.client.get("/api/v1/status").json(Status)
        assert status.jobs[JobState.WAITING] == 2
        assert status.jobs[JobState.QUEUED] == 1
        assert (status.slaves.slaves, status.slaves.connected, status.slaves.capacity) == (2, 1, 4)

    def test_supervisors_are_answered(self) -> None:
        """Alive as long as there is an answer; ready only with a database."""
        assert self.client.get("/livez").text == self.client.get("/readyz").text == "ok\n"
        self.successResultOf(self.farm.store.close())
        assert self.client.get("/livez").status == 200
        reply = self.client.get("/readyz")
        assert (reply.status, reply.headers["retry-after"]) == (503, "5")
