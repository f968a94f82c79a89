"""Who asks: every request has a visitor, and nobody is let in for longer than they are known."""

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from twisted.internet.defer import Deferred
from typing_extensions import override

from builder.errors import ForbiddenError
from builder.master.people import People
from builder.master.store import schema
from builder.model import Value
from builder.model.batch import BatchRequest
from builder.model.build import Build
from builder.model.visitor import Act, Grant, Nobody, Person, Visitor
from builder.state import StateFolder
from builder.web import answers
from builder.web.answers import Answer
from builder.web.assets import Assets
from builder.web.channel import BoundedSite
from builder.web.entrance import Entrance
from builder.web.errors import Failure, Failures
from builder.web.followers import Seats
from builder.web.identity import by_token
from builder.web.pages.templates import Templates
from builder.web.service import site
from builder.web.table import Route, Table
from builder.web.visit import Visit
from tests.support.http import Client
from tests.support.people import ADA
from tests.support.robot import Robot, Robots
from tests.support.small_farm import CHROOT
from tests.support.store import MemoryStore, answer
from tests.support.web import WebTest

OTHER = f"""\
project: other
chroots: [{CHROOT}]
packages:
  another:
    style: release
    packaging: {{git: https://git.example.org/another.git, ref: main}}
"""


class Nothing(Value, frozen=True, kw_only=True):
    pass


class SlowStore(MemoryStore):
    """A store whose reads wait until `go` is called."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[Callable[[], object]] = []

    @override
    def read(self, unit: Callable[[sa.Connection], Any]) -> Deferred[Any]:
        slow: Deferred[Any] = Deferred()
        self.waiting.append(lambda: super(SlowStore, self).read(unit).chainDeferred(slow))
        return slow


class VisitorsTest(WebTest):
    """A site of two routes that note who came, one for everybody and one for who may build."""

    @override
    def setUp(self) -> None:
        super().setUp()
        self.seen: list[Visitor] = []
        self.people = self.farm.farm.people
        self.begin(self.people)

    def begin(self, people: People) -> None:
        async def noted(_: Nothing, visit: Visit) -> Answer:
            self.seen.append(visit.visitor)
            return answers.text("welcome")

        routes = Table(
            Route(method, "/", act, Nothing, Answer, noted) for method, act in (("GET", Act.READ), ("POST", Act.BUILD))
        )
        failures = Failures(Templates(Assets().address))
        entrance = Entrance(routes, partial(by_token, people), failures, Seats(), self.clock, None)
        self.site = BoundedSite(entrance, self.clock)  # type: ignore[assignment]  # without the feed of a farm's site
        self.client, self.ada = Client(self.site), Client(self.site, self.farm.token)

    def asked(self, client: Client) -> list[int]:
        return [client.request(method, "/").status for method in ("GET", "HEAD", "POST")]

    def test_every_request_has_a_visitor(self) -> None:
        """Whoever sends a token is known where nobody needs one, too; who sends none is nobody."""
        assert self.asked(self.ada) == [200, 200, 200]
        assert self.asked(self.client) == [200, 200, 401]
        assert self.seen == [ADA] * 3 + [Nobody()] * 2

    def test_what_is_no_good_token_is_refused_everywhere(self) -> None:
        """A token that is nobody's, or none at all: whoever sends it thinks to be known, and is told."""
        for authorization in ("Bearer nobodys", "Bearer", "Bearer ", "Bearer a b", "Basic YTpi", "token", ""):
            for method, path in (("GET", "/"), ("POST", "/"), ("GET", "/nothing"), ("DELETE", "/")):
                reply = self.client.request(method, path, {"Authorization": authorization})
                assert (reply.status, reply.headers["www-authenticate"]) == (401, 'Bearer realm="builder"')
                message = reply.json(Failure).message
                right = "this token is nobody's: ask" if authorization == "Bearer nobodys" else "this is no token: send"
                assert message.startswith(right), authorization
        assert self.seen == []

    def test_strangers_cost_one_read_or_none(self) -> None:
        """An unknown token is looked up once; what is no token, or is too long for one, is not."""
        for authorization, reads in (("Bearer guess", 1), ("Bearer " + "x" * 513, 0), ("Bearer not one", 0)):
            before = self.farm.store.reads
            assert self.client.request("GET", "/", {"Authorization": authorization}).status == 401
            assert self.farm.store.reads == before + reads
        before = self.farm.store.reads
        assert self.client.get("/").status == 200
        assert self.farm.store.reads == before

    def test_a_revoked_token_is_refused_at_once(self) -> None:
        """The next request is refused, whatever it asks; tokens of others are good as before."""
        bob = Client(self.site, answer(self.people.issue("bob")))
        assert self.asked(self.ada) == self.asked(bob) == [200, 200, 200]
        assert answer(self.people.revoke("ada")) == 1
        assert self.asked(self.ada) == [401, 401, 401]
        assert self.asked(bob) == [200, 200, 200]

    def test_a_row_that_is_deleted_by_hand_lets_nobody_in(self) -> None:
        """Nobody has to tell the master."""
        assert self.asked(self.ada) == [200, 200, 200]
        answer(self.farm.store.write(lambda connection: connection.execute(sa.delete(schema.tokens)).rowcount))
        assert self.asked(self.ada) == [401, 401, 401]

    def test_a_database_that_does_not_answer_lets_nobody_in(self) -> None:
        """Neither who was let in before nor a stranger; who sends no token reads what needs no database."""
        assert self.asked(self.ada) == [200, 200, 200]
        self.seen.clear()
        self.successResultOf(self.farm.store.close())
        assert self.asked(self.ada) == self.asked(Client(self.site, "guess")) == [503, 503, 503]
        assert self.seen == []
        assert self.asked(self.client) == [200, 200, 401]

    def test_a_slow_database_lets_nobody_in_meanwhile(self) -> None:
        """A request waits until its token is known, or known to be nobody's."""
        store = SlowStore()
        people = People(store, iter(["good"]).__next__)
        answer(people.issue("ada"))
        self.begin(people)
        waiting = [Client(self.site, token).start("POST", "/") for token in ("good", "bad")]
        assert [exchange.raw for exchange in waiting] == [b"", b""]
        assert self.seen == []
        for go in store.waiting:
            go()
        assert [exchange.reply.status for exchange in waiting] == [200, 401]
        assert self.seen == [ADA]


class RobotsTest(WebTest):
    """A second kind of visitor at the farm's own site."""

    @override
    def setUp(self) -> None:
        super().setUp()
        answer(self.farm.farm.definitions.apply(OTHER, dry_run=False, visitor=ADA))
        people = partial(by_token, self.farm.farm.people)
        identify = Robots({"h": Robot(project="hello"), "o": Robot(project="other")}, people).identify
        self.site = site(self.farm.farm, StateFolder(self.state), self.clock, identify)
        self.site.doStart()
        self.addCleanup(self.site.doStop)
        self.client, self.ada = Client(self.site), Client(self.site, self.farm.token)
        self.hello, self.other = Client(self.site, "robot-h"), Client(self.site, "robot-o")

    def test_a_robot_builds_in_its_project(self) -> None:
        """There it does what it may, in its own name; the store's rows say so."""
        build = self.hello.post("/api/v1/builds", {"package": "hello"}).json(Build)
        assert build.requested_by == "robot of hello"
        cancelled = self.hello.post(f"/api/v1/builds/{build.number}/cancel", {}).json(Build)
        assert {job.reason for job in cancelled.jobs} == {"cancelled by robot of hello"}

    def test_a_robot_does_nothing_elsewhere(self) -> None:
        """It is told what it may not, and nothing is done; who is a person may it as ever, and a stranger not."""
        number = self.ada.post("/api/v1/builds", {"package": "hello"}).json(Build).number
        for method, path, body in (
            ("POST", "/api/v1/builds", {"package": "hello"}),
            ("POST", "/api/v1/batches", {"packages": ["another", "hello"]}),
            ("POST", "/api/v1/batches/plan", {"everything": True}),
            ("POST", f"/api/v1/builds/{number}/cancel", {}),
        ):
            reply = self.other.request(method, path, body=msgspec.json.encode(body))
            failure = reply.json(Failure)
            assert (reply.status, failure.error) == (403, "FORBIDDEN")
            assert failure.message.startswith("`robot of other` may not ")
            assert "in the project `hello`" in failure.message
        assert [build.number for build in self.client.get("/api/v1/builds").json(list[Build])] == [number]
        assert self.client.post("/api/v1/builds", {"package": "hello"}).status == 401

    def test_a_robot_does_nothing_else(self) -> None:
        """What it may in no project is refused before anybody looks at what it sends."""
        for method, path in (
            ("GET", "/api/v1/secrets"),
            ("POST", "/api/v1/definition"),
            ("POST", "/api/v1/operations"),
        ):
            reply = self.hello.request(method, path, body=b"nonsense")
            assert (reply.status, "in the project" in reply.text) == (403, False)

    def test_a_robot_reads_what_everybody_reads(self) -> None:
        """Pages and data; a key that is no robot's is refused even there."""
        for path in ("/", "/api/v1/builds", "/livez"):
            assert self.hello.get(path).status == 200
            assert Client(self.site, "robot-x").get(path).status == 401


class SomeProjectsTest(WebTest):
    """Somebody who may everything, in one project alone."""

    carol = Person(name="carol", grants=(Grant(acts=frozenset(Act), project="hello"),))

    @override
    def setUp(self) -> None:
        super().setUp()
        answer(self.farm.farm.definitions.apply(OTHER, dry_run=False, visitor=ADA))

    def test_a_definition_is_applied_whole_or_not(self) -> None:
        """One project in it that is not theirs, and nothing is changed; the same with a dry run."""
        definitions = self.farm.farm.definitions
        before = answer(definitions.export(None))
        mine = answer(definitions.export("hello")).replace("ref: main", "ref: devel")
        for dry_run in (True, False):
            with pytest.raises(ForbiddenError, match="`carol` may not define in the project `other`"):
                answer(definitions.apply(f"{mine}---\n{OTHER}", dry_run, self.carol))
        assert answer(definitions.export(None)) == before
        assert answer(definitions.apply(mine, dry_run=False, visitor=self.carol))

    def test_a_batch_is_asked_for_whole_or_not(self) -> None:
        """One package in it that is not of their project, and no build is made."""
        farm = self.farm.farm
        with pytest.raises(ForbiddenError, match="`carol` may not build in the project `other`"):
            answer(farm.batches.request(BatchRequest(everything=True), self.carol))
        assert answer(farm.builds.listing()) == ()
        assert len(answer(farm.batches.request(BatchRequest(everything=True, project="hello"), self.carol))) == 2

    def test_secrets_of_others_are_not_listed(self) -> None:
        """All means all of theirs; one project is asked for by name in vain."""
        secrets = self.farm.farm.secrets
        for project in ("hello", "other"):
            answer(secrets.set(project, "deploy", "a-token-of-a-test", ADA))
        assert [shown.project for shown in answer(secrets.listing(None, self.carol))] == ["hello"]
        assert [shown.project for shown in answer(secrets.listing(None, ADA))] == ["hello", "other"]
        with pytest.raises(ForbiddenError):
            answer(secrets.listing("other", self.carol))
        with pytest.raises(ForbiddenError):
            answer(secrets.remove("other", "deploy", self.carol))
        with pytest.raises(ForbiddenError):
            answer(secrets.set("other", "deploy", "another-token-of-a-test", self.carol))
