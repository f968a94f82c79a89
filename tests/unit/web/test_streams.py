"""Following: news arrive, idling costs nothing, whoever leaves or does not read costs nothing either."""

import msgspec
from typing_extensions import override

from builder.model.attempt import AttemptState, Outcome
from builder.model.build import BuildRequest
from builder.model.event import Event, EventKind
from builder.model.job import JobState
from builder.web.followers import GATHER, SEATS, SLOW
from builder.web.sink import PATIENCE
from tests.support.http import Exchange
from tests.support.people import ADA
from tests.support.small_farm import CHROOT
from tests.support.store import answer
from tests.support.web import WebTest

LOG = "/api/v1/builds/1/jobs/source/log?follow=1"
PIECE = 65_536


def _events(exchange: Exchange) -> list[Event]:
    return msgspec.json.Decoder(Event).decode_lines(exchange.reply.body.strip())


class EventsTest(WebTest):
    """`/api/v1/events?follow=1`."""

    @override
    def setUp(self) -> None:
        """A farm in which something has happened already."""
        super().setUp()
        self.newest = answer(self.farm.farm.events.newest())

    def test_news_arrive(self) -> None:
        """What was there comes at once, what happens comes within the time that news are gathered."""
        self.ada.post("/api/v1/builds", {"package": "hello"})
        exchange = self.client.start("GET", f"/api/v1/events?follow=1&after={self.newest + 1}")
        assert [event.number - self.newest for event in _events(exchange)] == [2]
        self.ada.post("/api/v1/builds", {"package": "hello"})
        self.clock.advance(GATHER)
        assert [event.number - self.newest for event in _events(exchange)] == [2, 3, 4]
        assert not exchange.reply.whole

    def test_other_builds_are_left_out(self) -> None:
        """A follower of one build is not even woken for others."""
        self.ada.post("/api/v1/builds", {"package": "hello"})
        exchange = self.client.start("GET", f"/api/v1/events?follow=1&build=1&after={self.newest + 2}")
        self.clock.advance(GATHER)
        timers = len(self.clock.getDelayedCalls())
        self.ada.post("/api/v1/builds", {"package": "hellolib"})
        assert len(self.clock.getDelayedCalls()) == timers
        self.farm.begin(1, "source")
        self.clock.advance(GATHER)
        assert {event.build for event in _events(exchange)} == {1}

    def test_what_is_not_wanted_is_left_out(self) -> None:
        """A follower of a project and of a kind is not woken for others, be they of no project or build at all."""
        wanted = f"project=hello&kind=secret_set&after={self.newest}"
        exchange = self.client.start("GET", f"/api/v1/events?follow=1&{wanted}")
        self.clock.advance(GATHER)
        timers = len(self.clock.getDelayedCalls())
        self.ada.post("/api/v1/builds", {"package": "hello"})
        answer(self.farm.farm.people.issue("bob"))
        assert len(self.clock.getDelayedCalls()) == timers
        self.ada.post("/api/v1/secrets/hello/deploy", {"value": "a-token-of-a-test"})
        self.clock.advance(GATHER)
        assert [event.kind for event in _events(exchange)] == [EventKind.SECRET_SET]

    def test_without_followers_nothing_is_read(self) -> None:
        """What happens while nobody follows is read by no one; who begins to follow later misses nothing new."""
        self.client.start("GET", "/api/v1/events?follow=1").leave()
        self.ada.post("/api/v1/builds", {"package": "hello"})
        reads = self.farm.store.reads
        answer(self.farm.farm.builds.request(BuildRequest(package="hello"), ADA))
        assert self.farm.store.reads == reads
        exchange = self.client.start("GET", "/api/v1/events?follow=1&build=3")
        self.ada.post("/api/v1/builds", {"package": "hello"})
        self.clock.advance(GATHER)
        assert {event.build for event in _events(exchange)} == {3}

    def test_silence_is_broken_now_and_then(self) -> None:
        """An empty line tells the client, and whatever is between, that the connection is alive."""
        exchange = self.client.start("GET", f"/api/v1/events?follow=1&after={self.newest}")
        assert exchange.reply.status == 200
        self.clock.advance(SLOW)
        self.clock.advance(SLOW)
        assert exchange.reply.body == b"\n\n"

    def test_idling_costs_one_timer(self) -> None:
        """A follower to whom nothing happens is one timer and one place in the feed."""
        before = len(self.clock.getDelayedCalls())
        exchange = self.client.start("GET", "/api/v1/events?follow=1")
        assert len(self.clock.getDelayedCalls()) == before + 1
        exchange.leave()
        assert len(self.clock.getDelayedCalls()) == before

    def test_whoever_leaves_leaves_nothing(self) -> None:
        """Timers, places and watches are free again, whether the client left while idle, full or being told."""
        before = len(self.clock.getDelayedCalls())
        for _ in range(SEATS + 5):
            idle = self.client.start("GET", "/api/v1/events?follow=1")
            assert idle.reply.status == 200
            idle.leave()
        full = self.client.start("GET", "/api/v1/events?follow=1")
        full.full()
        self.ada.post("/api/v1/builds", {"package": "hello"})
        told = self.client.start("GET", "/api/v1/events?follow=1")
        self.ada.post("/api/v1/builds", {"package": "hello"})
        for exchange in (full, told):
            exchange.leave()
        assert len(self.clock.getDelayedCalls()) == before

    def test_places_are_bounded(self) -> None:
        """The follower too many is told to come back; one that leaves makes room."""
        exchanges = [self.client.start("GET", "/api/v1/events?follow=1") for _ in range(SEATS)]
        reply = self.client.get("/api/v1/events?follow=1")
        assert (reply.status, reply.headers["retry-after"]) == (503, "5")
        assert self.client.get("/api/v1/events").status == 200
        exchanges.pop().leave()
        assert self.client.start("GET", "/api/v1/events?follow=1").reply.status == 200

    def test_the_site_ends_its_followers(self) -> None:
        """When the port closes, connections do not outlive it."""
        exchange = self.client.start("GET", "/api/v1/events?follow=1")
        self.site.doStop()
        assert not exchange.is_open()
        assert self.clock.getDelayedCalls() == []
        self.site.doStart()


class LogsTest(WebTest):
    """`/api/v1/builds/N/jobs/J/log?follow=1`."""

    @override
    def setUp(self) -> None:
        """A build whose source job is queued."""
        super().setUp()
        self.ada.post("/api/v1/builds", {"package": "hello"})

    def test_a_log_grows_until_its_attempt_ends(self) -> None:
        """What is written comes; the end of the attempt is the end of the answer, with nothing left out."""
        fence = self.farm.begin(1, "source")
        self.farm.write(1, "source", fence, b"one\n")
        exchange = self.client.start("GET", LOG + "&offset=1")
        assert exchange.reply.body == b"ne\n"
        self.farm.write(1, "source", fence, b"two\n")
        self.clock.advance(GATHER)
        assert exchange.reply.body == b"ne\ntwo\n"
        self.farm.write(1, "source", fence, b"three\n")
        self.farm.end(1, "source", JobState.SUCCEEDED, Outcome(state=AttemptState.SUCCEEDED))
        self.clock.advance(GATHER)
        assert exchange.reply.body == b"ne\ntwo\nthree\n"
        assert exchange.reply.whole

    def test_an_attempt_is_waited_for(self) -> None:
        """Before the first attempt there is a header and silence, then the attempt's log."""
        exchange = self.client.start("GET", LOG)
        assert exchange.reply.status == 200
        self.farm.write(1, "source", self.farm.begin(1, "source"), b"at last\n")
        self.clock.advance(GATHER)
        assert exchange.reply.body == b"at last\n"

    def test_a_job_that_never_runs_ends_the_answer(self) -> None:
        """Waiting for an attempt ends when there will be none."""
        exchange = self.client.start("GET", f"/api/v1/builds/1/jobs/{CHROOT}/log?follow=1")
        self.ada.post("/api/v1/builds/1/cancel", {"job": CHROOT})
        self.clock.advance(GATHER)
        assert exchange.reply.whole

    def test_the_named_attempt_is_followed(self) -> None:
        """An attempt that was broken is not followed by the log of the next one."""
        first = self.farm.begin(1, "source")
        self.farm.write(1, "source", first, b"first")
        exchange = self.client.start("GET", LOG)
        broken = Outcome(state=AttemptState.BROKEN, reason="the slave is lost")
        self.farm.end(1, "source", JobState.QUEUED, broken)
        self.farm.write(1, "source", self.farm.begin(1, "source"), b"second")
        self.clock.advance(GATHER)
        assert exchange.reply.body == b"first"
        assert exchange.reply.whole
        assert self.client.get(f"/api/v1/builds/1/jobs/source/log?fence={first}").body == b"first"

    def test_a_lost_ring_costs_time_only(self) -> None:
        """What nobody rang for is seen after a while."""
        fence = self.farm.begin(1, "source")
        exchange = self.client.start("GET", LOG)
        path = self.farm.farm.logs.path(1, "source", fence)
        path.parent.mkdir(parents=True)
        path.write_bytes(b"unannounced")
        self.clock.advance(SLOW)
        assert exchange.reply.body == b"unannounced"

    def test_a_full_client_is_waited_for(self) -> None:
        """A client that does not read is sent one piece and no more, until it reads."""
        fence = self.farm.begin(1, "source")
        self.farm.write(1, "source", fence, b"x" * (5 * PIECE))
        exchange = Exchange(self.site)
        exchange.full()
        exchange.ask("GET", LOG)
        assert len(exchange.reply.body) == PIECE
        exchange.drained()
        assert len(exchange.reply.body) == 5 * PIECE

    def test_a_client_that_never_reads_is_cut(self) -> None:
        """Patience has an end, and what waited for the client is let go."""
        fence = self.farm.begin(1, "source")
        self.farm.write(1, "source", fence, b"x" * (5 * PIECE))
        exchange = self.client.start("GET", LOG)
        exchange.full()
        self.farm.write(1, "source", fence, b"y")
        self.clock.advance(PATIENCE)
        assert not exchange.is_open()
