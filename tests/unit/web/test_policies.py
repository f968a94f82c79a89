"""Every route's act, headers and answer to HEAD, and who is let in, by walking the table itself."""

import re
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.task import Clock
from typing_extensions import override

from builder.model.operation import NumberedOperation, Prepare
from builder.model.visitor import Act, Grant, Person, Visitor
from builder.repo.signing import public_keys
from builder.state import StateFolder
from builder.web.answers import Answer
from builder.web.assets import Assets
from builder.web.feed import Feed
from builder.web.identity import by_token
from builder.web.pages.templates import Templates
from builder.web.routes import table
from builder.web.service import site
from builder.web.table import Route
from tests.support.http import Client
from tests.support.repositories import Workbench
from tests.support.robot import Robot, Robots
from tests.support.rpms import deliver, order_of
from tests.support.small_farm import CHROOT, DEFINITION
from tests.support.web import WebTest

DOCUMENTATION = Path(__file__).parents[3] / "docs" / "api.md"
SAMPLES = {
    "number": "1",
    "job": "source",
    "project": "hello",
    "stage": "testing",
    "distribution": "fedora-43",
    "path...": "hello/testing/fedora-43/x86_64",
    "tree...": "x86_64",
}
"""What stands in the patterns of the routes below, so that each finds something."""

REJECTED = "2-1-fedora-43-x86_64-1"
NAMES = {
    "/api/v1/rejected/{name}": REJECTED,
    "/api/v1/secrets/{project}/{name}": "deploy",
    "/api/v1/secrets/{project}/{name}/remove": "deploy",
    "/static/{name}": "style.css",
    "/repos/{project}/{stage}/{distribution}/{name}.repo": "hello-testing",
}
REPO = SAMPLES["path..."]
QUERIES = {
    ("GET", "/api/v1/keys"): "?project=hello",
    ("GET", "/api/v1/keys/export"): "?project=hello",
    ("POST", "/api/v1/definition"): "?dry_run=1",
    ("GET", "/api/v1/repository"): f"?name={REPO}",
    ("GET", "/api/v1/repository/difference"): f"?name={REPO}&before=1&after=1",
}
BODIES = {
    "/api/v1/batches": b'{"packages": ["hello"]}',
    "/api/v1/batches/plan": b'{"packages": ["hello"]}',
    "/api/v1/builds": b'{"package": "hello"}',
    "/api/v1/definition": DEFINITION.encode(),
    "/api/v1/secrets/{project}/{name}": b'{"value": "a-token-of-a-test"}',
    "/api/v1/operations": b'{"type": "undo", "project": "hello", "number": 1}',
}

ROBOTS: dict[str, Visitor] = {
    "elsewhere": Person(name="elsewhere", grants=(Grant(acts=frozenset(Act), project="other"),)),
    "other": Robot(project="other"),
    "hello": Robot(project="hello"),
}
TOKENS = (None, "guess", "no token", "robot-elsewhere", "robot-other", "robot-hello", "{0.token}")
"""A stranger, two whose token is no good, somebody who may everything in another project, a robot of each, ada."""
LET_IN = """\
401 401 401 403 403 200 200  POST /api/v1/batches
401 401 401 403 403 200 200  POST /api/v1/batches/plan
200 401 401 200 200 200 200  GET /api/v1/builds
401 401 401 403 403 200 200  POST /api/v1/builds
200 401 401 200 200 200 200  GET /api/v1/builds/{number}
200 401 401 200 200 200 200  GET /api/v1/builds/{number}/inputs
401 401 401 403 403 200 200  POST /api/v1/builds/{number}/cancel
200 401 401 200 200 200 200  GET /api/v1/builds/{number}/jobs/{job}/log
200 401 401 200 200 200 200  GET /api/v1/definition
401 401 401 403 403 403 200  POST /api/v1/definition
200 401 401 200 200 200 200  GET /api/v1/events
200 401 401 200 200 200 200  GET /api/v1/keys
200 401 401 200 200 200 200  GET /api/v1/keys/export
200 401 401 200 200 200 200  GET /api/v1/operations
401 401 401 403 403 403 200  POST /api/v1/operations
200 401 401 200 200 200 200  GET /api/v1/operations/{number}
200 401 401 200 200 200 200  GET /api/v1/packages
200 401 401 200 200 200 200  GET /api/v1/rejected
200 401 401 200 200 200 200  GET /api/v1/rejected/{name}
200 401 401 200 200 200 200  GET /api/v1/repositories
200 401 401 200 200 200 200  GET /api/v1/repository
200 401 401 200 200 200 200  GET /api/v1/repository/difference
401 401 401 200 403 403 200  GET /api/v1/secrets
401 401 401 403 403 403 200  POST /api/v1/secrets/{project}/{name}
401 401 401 403 403 403 200  POST /api/v1/secrets/{project}/{name}/remove
200 401 401 200 200 200 200  GET /api/v1/slaves
200 401 401 200 200 200 200  GET /api/v1/status
200 401 401 200 200 200 200  GET /livez
200 401 401 200 200 200 200  GET /readyz
200 401 401 200 200 200 200  GET /
200 401 401 200 200 200 200  GET /builds/{number}
200 401 401 200 200 200 200  GET /builds/{number}/inputs
200 401 401 200 200 200 200  GET /builds/{number}/{job}/log
200 401 401 200 200 200 200  GET /packages
200 401 401 200 200 200 200  GET /repositories/{project}/{stage}/{distribution}/{tree...}
200 401 401 200 200 200 200  GET /slaves
200 401 401 200 200 200 200  GET /static/{name}
200 401 401 200 200 200 200  GET /repos/{project}/{stage}/{distribution}/{name}.repo
200 401 401 200 200 200 200  GET /repos/{path...}/mirrorlist
200 401 401 200 200 200 200  GET /repos/{path...}
"""


class PoliciesTest(WebTest):
    """All routes there are."""

    @override
    def setUp(self) -> None:
        """A farm in which each route finds something."""
        super().setUp()
        templates = Templates(Assets().address)
        feed = Feed(self.farm.farm.events, Clock())
        self.routes = table(self.farm.farm, StateFolder(self.state), feed, templates, Assets(), Clock()).routes
        self.ada.post("/api/v1/builds", {"package": "hello"})
        self.farm.write(1, "source", self.farm.begin(1, "source"), b"a log\n")
        prepare = Prepare(project="hello", stages=("testing",), chroots=(CHROOT,))
        empty = order_of(1)
        deliver(self.state, empty, ())
        orders = (NumberedOperation(number=1, operation=prepare), NumberedOperation(number=2, operation=empty))
        Workbench(self.state).operations.carry_out(orders)
        public_keys.write(self.repos, "hello", (), b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n")

    def test_policies(self) -> None:
        """A stranger may read, and nothing else; a person may everything, and who only claims to be one nothing."""
        assert {route.act for route in self.routes} == set(Act)
        for route in self.routes:
            stranger = _status(self.client, route)
            assert (stranger == 401) == (route.act is not Act.READ), route
            assert _status(self.ada, route) == 200, route
            assert _status(Client(self.site, "wrong"), route) == 401, route

    def test_who_is_let_in(self) -> None:
        """`LET_IN`, route by route and visitor by visitor, each at a farm of their own."""
        told: dict[str, list[str]] = {}
        for token in TOKENS:
            self.setUp()
            identify = Robots(ROBOTS, partial(by_token, self.farm.farm.people)).identify
            served = site(self.farm.farm, StateFolder(self.state), self.clock, identify)
            client = Client(served, token and token.format(self.farm))
            for route in self.routes:
                told.setdefault(f"{route.method} {route.pattern}", []).append(str(_status(client, route)))
        lines = [f"{' '.join(statuses)}  {route}" for route, statuses in told.items()]
        assert lines == LET_IN.splitlines()

    def test_whatever_changes_something_needs_a_person(self) -> None:
        """No other method than GET is for anyone."""
        assert all(route.act is not Act.READ for route in self.routes if route.method != "GET")

    def test_answers_are_what_the_table_says(self) -> None:
        """JSON answers decode as the route's response type."""
        for route in self.routes:
            if route.response is not Answer:
                reply = self.ada.request(route.method, _path(route), body=BODIES.get(route.pattern, b""))
                msgspec.json.decode(reply.body, type=route.response)

    def test_head_is_get_without_a_body(self) -> None:
        """The same status and headers, and no body."""
        for route in self.routes:
            if route.method == "GET":
                whole, head = self.client.get(_path(route)), self.client.request("HEAD", _path(route))
                assert head.body == b""
                for reply in (whole, head):
                    del reply.headers["date"]
                assert whole.headers == head.headers, route

    def test_every_answer_is_guarded(self) -> None:
        """Nothing is sniffed, framed, or run that is not ours, errors included; pages run no inline script."""
        for path in [_path(route) for route in self.routes if route.method == "GET"] + ["/nothing"]:
            for accept in ("text/html", "*/*"):
                headers = self.client.get(path, Accept=accept).headers
                assert headers["x-content-type-options"] == "nosniff"
                assert headers["x-frame-options"] == "DENY"
                assert headers["referrer-policy"] == "no-referrer"
                assert headers["content-security-policy"].startswith("default-src 'none'; ")
                assert "unsafe" not in headers["content-security-policy"]

    def test_every_route_is_documented(self) -> None:
        """`docs/api.md` has each route under a heading of its own, and each of its parameters; and no other route."""
        sections = re.split(r"^##+ ", DOCUMENTATION.read_text(encoding="utf-8"), flags=re.MULTILINE)
        documented = {section.split("`")[1]: section for section in sections if re.match(r"`[A-Z]+ /", section)}
        assert set(documented) == {f"{route.method} {route.pattern}" for route in self.routes}
        for route in self.routes:
            section = documented[f"{route.method} {route.pattern}"]
            assert "curl" in section, route
            assert ("token" in section.lower()) == (route.act is not Act.READ), route
            for field in msgspec.structs.fields(route.request):
                assert field.name == "body" or f"`{field.name}`" in section, (route, field.name)


def _path(route: Route[Any, Any]) -> str:
    samples = SAMPLES | {"name": NAMES.get(route.pattern, "x"), "job": "source" if "jobs" in route.pattern else CHROOT}
    if route.pattern == "/repos/{path...}":
        return f"/repos/{REPO}/repodata/repomd.xml"
    path = re.sub(r"\{([^}]+)\}", lambda match: samples[match[1]], route.pattern)
    return path + QUERIES.get((route.method, route.pattern), "")


def _status(client: Client, route: Route[Any, Any]) -> int:
    body = BODIES.get(route.pattern, b"") if route.method == "POST" else b""
    return client.request(route.method, _path(route), body=body).status
