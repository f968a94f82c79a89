"""What strangers can take of the farm is bounded: connections, time, headers, bodies."""

import msgspec

from builder.web import channel
from builder.web.channel import ARRIVAL, BODY, CONNECTIONS
from builder.web.errors import Failure
from tests.support.http import Client, Exchange
from tests.support.web import WebTest


class BoundsTest(WebTest):
    """A site among strangers."""

    def test_connections_are_bounded(self) -> None:
        """The one too many is closed at once; one that is closed makes room."""
        exchanges = [Exchange(self.site) for _ in range(CONNECTIONS)]
        assert not Exchange(self.site).accepted
        exchanges.pop().leave()
        assert Exchange(self.site).accepted

    def test_a_request_that_drips_is_cut(self) -> None:
        """Bytes now and then don't keep a connection: the whole request has its time, not each piece."""
        exchange = Exchange(self.site)
        for byte in b"GET / HTTP/1.1\r\n":
            exchange.send(bytes([byte]))
            self.clock.advance(ARRIVAL / 10)
        assert not exchange.is_open()

    def test_a_body_that_drips_is_cut(self) -> None:
        """The same goes for bodies."""
        exchange = Exchange(self.site)
        exchange.send(b"POST /api/v1/definition HTTP/1.1\r\nContent-Length: 100\r\n\r\n")
        for _ in range(10):
            exchange.send(b"x")
            self.clock.advance(ARRIVAL / 10)
        assert not exchange.is_open()

    def test_an_idle_connection_is_closed(self) -> None:
        """After an answer there is as much time for the next request, and no more."""
        exchange = self.client.start("GET", "/livez")
        self.clock.advance(ARRIVAL - 1)
        exchange.ask("GET", "/livez")
        assert exchange.raw.count(b"200 OK") == 2
        self.clock.advance(ARRIVAL - 1)
        assert exchange.is_open()
        self.clock.advance(1)
        assert not exchange.is_open()

    def test_an_answer_that_takes_long_is_not_cut(self) -> None:
        """The time for a request's arrival does not end its answer."""
        exchange = self.client.start("GET", "/api/v1/events?follow=1")
        for _ in range(10):
            self.clock.advance(ARRIVAL / 2)
        assert exchange.is_open()

    def test_a_body_that_says_it_is_too_long_is_refused_at_once(self) -> None:
        """The answer is there before the body is, and says why; what comes of the body is thrown away."""
        exchange = Exchange(self.site)
        exchange.send(b"POST /api/v1/definition HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (BODY + 1))
        assert exchange.reply.status == 413
        assert exchange.reply.json(Failure).error == "TOO_LARGE"
        for _ in range(BODY // 2**20):
            exchange.send(b"x" * 2**20)
        assert exchange.is_open()
        exchange.send(b"x")
        assert not exchange.is_open()
        assert exchange.raw.count(b"HTTP/1.1") == 1

    def test_a_body_that_turns_out_too_long_is_refused(self) -> None:
        """A chunked body, which does not say how long it is, is counted."""
        exchange = Exchange(self.site)
        exchange.send(b"POST /api/v1/definition HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(BODY // 2**20 + 1):
            exchange.send(b"100000\r\n" + b"x" * 2**20 + b"\r\n")
        assert exchange.reply.status == 413
        exchange.send(b"0\r\n\r\n")
        assert not exchange.is_open()

    def test_the_longest_body_is_taken(self) -> None:
        """What is not over the limit is read, and refused for what it says."""
        text = b"# " + b"x" * (BODY - 2)
        assert self.ada.request("POST", "/api/v1/definition?dry_run=1", body=text).status in {413, 422}
        chunked = {"Transfer-Encoding": "chunked"}
        body = msgspec.json.encode({"package": "hello"})
        exchange = self.ada.start("POST", "/api/v1/builds", chunked)
        exchange.send(b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
        assert exchange.reply.status == 200

    def test_endless_headers_are_refused(self) -> None:
        """Headers have a length too."""
        exchange = Exchange(self.site)
        exchange.send(b"GET / HTTP/1.1\r\n" + b"X-A: b\r\n" * 5000)
        assert exchange.raw.startswith(b"HTTP/1.1 400")
        assert not exchange.is_open()

    def test_forms_are_not_parsed(self) -> None:
        """A multipart body is a body that is not JSON, and nothing more happens with it."""
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        assert self.ada.request("POST", "/api/v1/builds", headers, b"--x\r\n\r\n").status == 422

    def test_errors_come_as_they_are_asked_for(self) -> None:
        """A browser gets a page, a program JSON, with the same status."""
        for path, status in (("/nothing", 404), ("/builds/soon", 404), ("/api/v1/builds?limit=x", 422)):
            page, told = self.client.get(path, Accept="text/html,*/*"), self.client.get(path)
            assert (page.status, told.status) == (status, status)
            assert page.headers["content-type"] == "text/html; charset=utf-8"
            assert set(told.json(dict[str, object])) == {"error", "message", "mistakes"}
            assert page.headers["vary"] == told.headers["vary"] == "Accept"

    def test_hostile_addresses_are_only_text(self) -> None:
        """What was asked for is told back without becoming a page's code."""
        reply = self.client.get("/<script>alert(1)</script>", Accept="text/html")
        assert reply.status == 404
        assert "<script>alert" not in reply.text
        assert "&lt;script&gt;" in reply.text

    def test_a_wrong_method_is_told_the_right_ones(self) -> None:
        """With `Allow`, as HTTP has it."""
        reply = self.client.request("DELETE", "/api/v1/builds")
        assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD, POST")

    def test_a_stranger_is_told_what_is_missing(self) -> None:
        """No token, another scheme or a token that nobody has: 401, how to prove it, and nothing is done."""
        for authorization in (None, "Basic YTpi", "Bearer", "Bearer nobody's", "Bearer " + "x" * 600):
            given = {} if authorization is None else {"Authorization": authorization}
            reply = self.client.request("POST", "/api/v1/builds", given, b'{"package": "hello"}')
            assert (reply.status, reply.headers["www-authenticate"]) == (401, 'Bearer realm="builder"')
        assert self.client.get("/api/v1/builds").json(list[object]) == []

    def test_a_bug_is_an_incident(self) -> None:
        """What nobody expected is answered with a number that the log has too, and the connection goes on."""
        self.farm.farm.slaves.listing = None  # type: ignore[method-assign, assignment]  # the bug
        exchange = self.client.start("GET", "/api/v1/slaves")
        assert exchange.reply.status == 500
        message = exchange.reply.json(Failure).message
        (logged,) = self.flushLoggedErrors(TypeError)
        assert message.rpartition(" ")[2].isalnum()
        assert "NoneType" not in message
        assert logged
        exchange.ask("GET", "/livez")
        assert exchange.raw.endswith(b"ok\n")

    def test_a_client_that_leaves_early_harms_nobody(self) -> None:
        """Leaving while the request is read, or before its answer, is no error."""
        half = Exchange(self.site)
        half.send(b"POST /api/v1/builds HTTP/1.1\r\nContent-Length: 10\r\n\r\nxx")
        half.leave()
        assert Client(self.site).get("/livez").status == 200

    def test_the_limits_are_told_truly(self) -> None:
        """The sentence about too long bodies names the limit there is."""
        assert f"{BODY // 2**20} MiB".encode() in channel._TOO_LARGE
