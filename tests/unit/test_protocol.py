import re

import msgspec
import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.protocols.amp import AmpBox
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from builder import boxes, protocol
from builder.certificates import Identity
from builder.errors import (
    ForbiddenError,
    InternalError,
    InvalidError,
    NotFoundError,
    SupersededError,
    TooLargeError,
    UnavailableError,
)
from builder.model.attempt import Position
from builder.model.slave import HostFacts
from builder.protocol import Peer, PeerFactory
from builder.wire import REQUESTS, CancelJob, Done, FetchFile, FilePart, Hello, LogChunk, Ping, Role
from tests.support.wire import (
    MemorySession,
    MemorySessions,
    RawPeer,
    ScriptedSessions,
    connected_pair,
    joined,
    raw_pair,
)

MASTER = Identity(role=Role.MASTER, name="master")
SLAVE = Identity(role=Role.SLAVE, name="builder-1")
REPO = Identity(role=Role.REPO, name="repo")
ATTEMPT = "0123456789abcdef" * 2
CANCEL = CancelJob(attempt=ATTEMPT)
CHUNK = LogChunk(attempt=ATTEMPT, offset=10, data=b"line\n")
FETCH = FetchFile(sha256="0" * 64, offset=0)
PING = AmpBox(_ask=b"p", _command=b"Ping", m=b"\x80")


class BugError(Exception):
    """What a handler with a bug raises."""


class PairTestCase(SynchronousTestCase):
    """A master and a slave in memory."""

    @override
    def setUp(self) -> None:
        self.master_side = ScriptedSessions()
        self.slave_side = ScriptedSessions()
        self.clock = Clock()
        sides = (self.master_side.session_for, MASTER, self.slave_side.session_for, SLAVE)
        self.wire = connected_pair(*sides, self.clock)
        self.master, self.slave = self.wire.a, self.wire.b
        self.answers, self.heard = self.master_side.answers, self.master_side.heard


class AskTests(PairTestCase):
    """Questions and answers between two that behave."""

    def test_answer(self) -> None:
        """The answer is the value that the other side's handler gave for the very request that was asked."""
        self.answers[LogChunk] = Position(records=1, log=15)
        answer = self.slave.ask(CHUNK)
        self.wire.flush()
        assert self.successResultOf(answer) == Position(records=1, log=15)
        assert self.heard == [CHUNK]

    def test_both_ways(self) -> None:
        """Both sides ask on one connection, and each knows who the other is."""
        answer = self.master.ask(CANCEL)
        self.wire.flush()
        assert self.successResultOf(answer) == Done()
        assert (self.master.identity, self.slave.identity) == (SLAVE, MASTER)

    def test_order(self) -> None:
        """Requests are begun in the order in which they were asked, though their answers may come in another."""
        first: Deferred[Position] = Deferred()
        self.answers[LogChunk] = first
        slow, quick = self.slave.ask(CHUNK), self.slave.ask(Ping())
        self.wire.flush()
        assert self.successResultOf(quick) == Done()
        self.assertNoResult(slow)
        first.callback(Position(records=0, log=0))
        self.wire.flush()
        assert self.successResultOf(slow) == Position(records=0, log=0)

    def test_declared_error(self) -> None:
        """An error that the request declares is raised on the other side with its sentence."""
        self.answers[LogChunk] = SupersededError("17/source is built elsewhere")
        answer = self.slave.ask(CHUNK)
        self.wire.flush()
        assert str(self.failureResultOf(answer, SupersededError).value) == "17/source is built elsewhere"

    def test_every_mistake_arrives(self) -> None:
        """All the mistakes of an `InvalidError` arrive, still apart."""
        self.answers[LogChunk] = InvalidError("one", "two")
        answer = self.slave.ask(CHUNK)
        self.wire.flush()
        assert self.failureResultOf(answer, InvalidError).value.mistakes == ("one", "two")

    def test_long_sentence(self) -> None:
        """A sentence that would not fit into a box is cut, even in the middle of a letter."""
        self.answers[LogChunk] = SupersededError("€" * 100_000)
        answer = self.slave.ask(CHUNK)
        self.wire.flush()
        sentence = str(self.failureResultOf(answer, SupersededError).value)
        assert sentence.startswith("€€€")
        assert len(sentence.encode()) <= protocol.MAX_DESCRIPTION + len("\ufffd".encode())

    def test_no_answer_in_time(self) -> None:
        """A question has a time; its answer changes nothing when it comes later."""
        late: Deferred[Position] = Deferred()
        self.answers[LogChunk] = late
        answer = self.slave.ask(CHUNK, within=5)
        self.wire.flush()
        self.clock.advance(5)
        assert "has not answered LogChunk within 5 seconds" in str(self.failureResultOf(answer, UnavailableError).value)
        late.callback(Position(records=0, log=0))
        self.wire.flush()
        ping = self.slave.ask(Ping())
        self.wire.flush()
        assert self.successResultOf(ping) == Done()

    def test_connection_lost(self) -> None:
        """Whoever waits for an answer is told when none can come any more, and no timer is left."""
        self.answers[LogChunk] = Deferred()
        answer = self.slave.ask(CHUNK)
        self.wire.flush()
        self.wire.cut()
        self.wire.flush()
        assert "the connection to master master was lost" in str(self.failureResultOf(answer, UnavailableError).value)
        assert self.slave_side.newest.reason == "the connection broke"
        assert self.clock.getDelayedCalls() == []

    def test_asked_after_the_end(self) -> None:
        """A question on a connection that is gone fails at once."""
        self.wire.cut()
        self.wire.flush()
        self.failureResultOf(self.slave.ask(Ping()), UnavailableError)

    def test_close_sends_what_was_said(self) -> None:
        """What was asked before a connection is closed still arrives; the other side's session ends too."""
        answer = self.slave.ask(CHUNK)
        self.slave.close("a newer session took its place")
        self.wire.flush()
        assert self.heard == [CHUNK]
        self.failureResultOf(answer, UnavailableError)
        assert self.slave_side.newest.reason == "a newer session took its place"
        assert self.master_side.newest.reason == "it closed the connection"

    def test_close_is_cut_at_last(self) -> None:
        """A peer that does not read cannot keep a closed connection open."""
        self.master.pause()
        answer = self.slave.ask(CHUNK)
        self.slave.close("done")
        self.wire.flush()
        before = self.slave_side.newest.reason
        self.clock.advance(boxes.CLOSE_SECONDS)
        assert (before, self.slave_side.newest.reason) == (None, "done")
        self.failureResultOf(answer, UnavailableError)

    def test_too_many_unanswered(self) -> None:
        """No more than `MAX_ASKS` questions can be unanswered; the next is not sent."""
        self.answers[LogChunk] = Deferred()
        asked = [self.slave.ask(CHUNK) for _ in range(protocol.MAX_ASKS)]
        self.failureResultOf(self.slave.ask(CHUNK), UnavailableError)
        self.wire.flush()
        assert len(self.heard) == protocol.MAX_ASKS
        self.wire.cut()
        self.wire.flush()
        for answer in asked:
            self.failureResultOf(answer, UnavailableError)

    def test_request_that_does_not_fit(self) -> None:
        """A request that is longer than a box fails here, and nothing is sent."""
        failure = self.failureResultOf(
            self.slave.ask(LogChunk(attempt=ATTEMPT, offset=0, data=bytes(65_536))), TooLargeError
        )
        assert "it may have 65535" in str(failure.value)
        self.wire.flush()
        assert self.heard == []

    def test_request_that_cannot_be_encoded(self) -> None:
        """Half a surrogate pair, as it comes from a file name that is not UTF-8, fails where it is asked."""
        hello = Hello(
            protocol=1,
            version="1",
            channels=("package",),
            architectures=("noarch",),
            capacity=1,
            facts=HostFacts(hostname="\udc80"),
        )
        self.failureResultOf(self.slave.ask(hello), InvalidError)


class MistakeTests(PairTestCase):
    """A question that cannot be answered is answered with an error, and the connection is kept."""

    @override
    def tearDown(self) -> None:
        ping = self.slave.ask(Ping())
        self.wire.flush()
        assert self.successResultOf(ping) == Done()

    def test_wrong_role(self) -> None:
        """What the sender's role may not say is refused, and no handler hears of it."""
        answer = self.slave.ask(CANCEL)
        self.wire.flush()
        assert str(self.failureResultOf(answer, ForbiddenError).value) == "a slave may not send CancelJob"
        assert self.heard == []

    def test_request_without_handler(self) -> None:
        """A request that is known but not answered here is answered with that."""
        self.wire = connected_pair(MemorySession, MASTER, MemorySession, SLAVE, self.clock)
        self.slave = self.wire.b
        answer = self.wire.a.ask(CANCEL)
        self.wire.flush()
        assert str(self.failureResultOf(answer, InvalidError).value) == "CancelJob is not answered here"

    def test_bug(self) -> None:
        """A bug is answered with the id under which it is logged, and says nothing else."""
        self.answers[LogChunk] = BugError("secret")
        answer = self.slave.ask(CHUNK)
        self.wire.flush()
        sentence = str(self.failureResultOf(answer, InternalError).value)
        (logged,) = self.flushLoggedErrors(BugError)
        assert re.fullmatch("LogChunk met a bug; the other side's log has incident [0-9a-f]{12}", sentence)
        assert logged.value is self.answers[LogChunk]

    def test_error_that_is_not_declared(self) -> None:
        """An error of the table that the request does not declare is a bug too."""
        self.answers[LogChunk] = NotFoundError("declared for LogChunk")
        self.answers[FetchFile] = SupersededError("not declared for FetchFile")
        declared, undeclared = self.slave.ask(CHUNK), self.slave.ask(FETCH)
        self.wire.flush()
        self.failureResultOf(declared, NotFoundError)
        self.failureResultOf(undeclared, InternalError)
        assert len(self.flushLoggedErrors(SupersededError)) == 1

    def test_answer_that_does_not_fit(self) -> None:
        """A handler whose answer is longer than a box has a bug."""
        self.answers[FetchFile] = FilePart(size=0, data=bytes(65_536))
        answer = self.slave.ask(FETCH)
        self.wire.flush()
        self.failureResultOf(answer, InternalError)
        assert len(self.flushLoggedErrors(TooLargeError)) == 1


class RawTests(SynchronousTestCase):
    """The other side is not ours: it says what no `Peer` would."""

    @override
    def setUp(self) -> None:
        self.clock = Clock()
        self.sessions = ScriptedSessions()
        self.peer, self.raw = raw_pair(self.clock, self.sessions.session_for, SLAVE)

    def _answer(self, box: AmpBox) -> AmpBox:
        """What `box` is answered with; then the connection is still as good as before."""
        self.raw.transport.write(box.serialize() + PING.serialize())
        self.clock.advance(0)
        *answers, pong = self.raw.heard()
        assert pong == AmpBox(_answer=b"p", m=b"\x80")
        return answers[0] if answers else AmpBox()

    def test_every_wrong_role(self) -> None:
        """Each role may send what the declarations say, and nothing else."""
        for identity in (MASTER, SLAVE, REPO):
            _, self.raw = raw_pair(self.clock, ScriptedSessions().session_for, identity)
            for kind in REQUESTS:
                answer = self._answer(AmpBox(_ask=b"1", _command=kind.__name__.encode(), m=b""))
                assert (answer[b"_error_code"] == b"FORBIDDEN") == (identity.role not in kind.senders)

    def test_unknown_request(self) -> None:
        """A request that this version does not know is answered."""
        answer = self._answer(AmpBox(_ask=b"1", _command=b"Renew", m=b"\x80"))
        assert (answer[b"_error"], answer[b"_error_code"]) == (b"1", b"INVALID")
        assert b"'Renew' is not a request" in answer[b"_error_description"]

    def test_start_tls(self) -> None:
        """`StartTLS`, which AMP obeys by itself, is a request that nobody knows."""
        box = AmpBox(_ask=b"1", _command=b"StartTLS", tls_localCertificate=b"", tls_verifyAuthorities=b"")
        assert self._answer(box)[b"_error_code"] == b"INVALID"

    def test_fields_that_do_not_decode(self) -> None:
        """Wrong fields are answered with what is wrong and where; AMP would drop the connection."""
        for message, mistake in [
            (b"", b"truncated"),
            (b"\xc1", b"LogChunk"),
            (msgspec.msgpack.encode({"attempt": "x", "offset": 0, "data": b""}), b"$.attempt"),
            (msgspec.msgpack.encode({"attempt": ATTEMPT, "offset": -1, "data": b""}), b"$.offset"),
            (msgspec.msgpack.encode({"attempt": ATTEMPT, "offset": 1}), b"data"),
            (b"\x91" * 60_000, b"LogChunk"),
            (b"\x81\xa4deep" + b"\x91" * 60_000, b"LogChunk"),
        ]:
            answer = self._answer(AmpBox(_ask=b"1", _command=b"LogChunk", m=message))
            assert answer[b"_error_code"] == b"INVALID"
            assert mistake in answer[b"_error_description"]
        assert self.sessions.heard == []

    def test_no_fields_at_all(self) -> None:
        """A question without its fields is answered like one with wrong ones."""
        assert self._answer(AmpBox(_ask=b"1", _command=b"LogChunk"))[b"_error_code"] == b"INVALID"

    def test_unasked_answers(self) -> None:
        """An answer or an error that nobody waits for is nothing."""
        for box in (
            AmpBox(_answer=b"1", m=b"\x80"),
            AmpBox(_error=b"1"),
            AmpBox(_error=b"1", _error_code=b"FORBIDDEN", _error_description=b"no"),
        ):
            assert self._answer(box) == {}

    def test_wrong_answers(self) -> None:
        """An answer that does not decode, and an error of an unknown tag, are the other side's bugs."""
        for box, sentence in [
            (AmpBox(m=b"\xc0", _answer=b""), "the answer of slave builder-1 is wrong: Done: "),
            (AmpBox(_answer=b""), "the answer of slave builder-1 is wrong: Done: "),
            (AmpBox(_error=b"", _error_code=b"NEWS", _error_description=b"\xff!"), "\ufffd!"),
            (AmpBox(_error=b""), ""),
        ]:
            answer = self.peer.ask(CANCEL)
            self.clock.advance(0)
            (question,) = self.raw.heard()
            kind = b"_answer" if b"_answer" in box else b"_error"
            self._answer(AmpBox(box, **{kind.decode(): question[b"_ask"]}))
            assert str(self.failureResultOf(answer, InternalError).value).startswith(sentence)

    def test_too_many_at_once(self) -> None:
        """More questions than may be unanswered are answered with that, without being begun."""
        self.sessions.answers[LogChunk] = Deferred()
        box = AmpBox(_command=b"LogChunk", m=msgspec.msgpack.encode(CHUNK))
        for number in range(protocol.MAX_ASKS + 3):
            self.raw.transport.write(AmpBox(box, _ask=b"%x" % number).serialize())
        self.clock.advance(0)
        assert len(self.sessions.heard) == protocol.MAX_ASKS
        assert [answer[b"_error_code"] for answer in self.raw.heard()] == [b"UNAVAILABLE"] * 3


class HandshakeTests(SynchronousTestCase):
    """From the connection to the session."""

    @override
    def setUp(self) -> None:
        self.clock = Clock()
        self.sessions = MemorySessions()
        self.refused: list[str] = []

    def _pair(self) -> tuple[Peer, RawPeer]:
        factory = PeerFactory(
            self.clock,
            frozenset({Role.SLAVE}),
            self.sessions.session_for,
            now=self.clock.seconds,
            refused=lambda _, why: self.refused.append(why),
        )
        return joined(self.clock, factory.buildProtocol(None), RawPeer())

    def test_too_early(self) -> None:
        """Nothing is asked, and nothing listened to, before it is known who the peer is."""
        ours, theirs = self._pair()
        self.failureResultOf(ours.ask(Ping()), UnavailableError)
        theirs.transport.write(PING.serialize())
        self.clock.advance(0)
        assert self.refused == ["it spoke before the handshake was complete"]
        assert self.sessions.made == []

    def test_session_is_made_with_its_peer(self) -> None:
        """A session is made once it is known who the peer is, and can ask it while it is made."""

        class GreetingSession(MemorySession):
            def __init__(self, peer: Peer) -> None:
                super().__init__(peer)
                self.asked = peer.ask(Ping())

        made: list[GreetingSession] = []

        def session_for(peer: Peer) -> GreetingSession:
            made.append(GreetingSession(peer))
            return made[-1]

        wire = connected_pair(session_for, MASTER, MemorySession, SLAVE, self.clock)
        wire.flush()
        (session,) = made
        assert (session.peer, session.peer.identity) == (wire.a, SLAVE)
        assert self.successResultOf(session.asked) == Done()

    def test_stranger(self) -> None:
        """A peer is a stranger until its role is accepted, and stays one if that is refused."""
        for identity, stranger in ((SLAVE, False), (REPO, True)):
            ours, _ = self._pair()
            assert ours.stranger
            ours.authenticated(identity, 60.0)
            assert ours.stranger is stranger
            ours.close("the test is over")
            self.clock.advance(0)

    def test_no_handshake(self) -> None:
        """A connection on which no handshake happens is cut."""
        ours, _ = self._pair()
        self.clock.advance(protocol.HANDSHAKE_SECONDS)
        assert self.refused == ["the handshake was not complete within 15 seconds"]
        assert ours.closing

    def test_wrong_role(self) -> None:
        """A peer whose role has no business here gets no session."""
        for identity in (MASTER, REPO):
            ours, _ = self._pair()
            ours.authenticated(identity, 60.0)
            self.clock.advance(0)
        assert self.sessions.made == []
        assert self.refused == [
            "master master is refused: a master has no business here",
            "repo repo is refused: a repo has no business here",
        ]
        assert self.clock.getDelayedCalls() == []

    def test_certificate_ends(self) -> None:
        """A session ends with the certificate that began it."""
        ours, _ = self._pair()
        ours.authenticated(SLAVE, 60.0)
        self.clock.advance(59.0)
        before = self.sessions.newest.reason
        self.clock.advance(1.0)
        self.clock.advance(0)
        assert (before, self.sessions.newest.reason) == (None, "the certificate of slave builder-1 has expired")

    def test_session_with_a_bug(self) -> None:
        """`closed` fires even if the session fails when it is told."""

        class BrokenSession(MemorySession):
            @override
            def disconnected(self, reason: str) -> None:
                raise BugError

        peer, _ = raw_pair(self.clock, BrokenSession, SLAVE)
        peer.close("restart")
        with pytest.raises(BugError):
            self.clock.advance(0)
        assert self.successResultOf(peer.closed) == "restart"
        for call in self.clock.getDelayedCalls():
            call.cancel()

    def test_abort_after_the_end(self) -> None:
        """Whoever closes or aborts a connection that is gone does nothing."""
        peer, raw = raw_pair(self.clock, MemorySession, SLAVE)
        raw.transport.abortConnection()
        self.clock.advance(0)
        peer.abort("too late")
        peer.close("too late")
        self.clock.advance(0)
        assert self.successResultOf(peer.closed) == "the connection broke"

    def test_closed_tells(self) -> None:
        """`closed` fires with the reason, after the session was told."""
        ours, _ = self._pair()
        ours.authenticated(SLAVE, 60.0)
        ours.close("restart")
        self.clock.advance(0)
        assert self.successResultOf(ours.closed) == "restart" == self.sessions.newest.reason


class PingTests(SynchronousTestCase):
    """A factory that pings finds out when the other side is gone."""

    @override
    def setUp(self) -> None:
        self.clock = Clock()
        self.sessions = MemorySessions()
        now = self.clock.seconds
        pinging = PeerFactory(self.clock, frozenset(Role), self.sessions.session_for, now=now, ping_every=10.0)
        answering = PeerFactory(self.clock, frozenset(Role), MemorySession, now=now)
        self.ours, self.theirs = joined(self.clock, pinging.buildProtocol(None), answering.buildProtocol(None))
        self.ours.authenticated(MASTER, 10_000.0)
        self.theirs.authenticated(SLAVE, 10_000.0)

    def test_proven(self) -> None:
        """The first ping goes out at once: its answer proves that the other side accepts this one."""
        before = self.ours.proven
        self.clock.advance(0)
        assert (before, self.ours.proven) == (False, True)

    def test_alive(self) -> None:
        """Who answers is not cut off."""
        self.clock.pump([1.0] * 100)
        assert self.sessions.newest.reason is None

    def test_silent(self) -> None:
        """Who is silent for a whole interval is cut off, and no timer is left."""
        self.clock.advance(0)
        self.theirs.pause()
        self.clock.pump([1.0] * 21)
        assert self.sessions.newest.reason == "nothing was heard for 10 seconds"
        self.theirs.transport.abortConnection()
        self.clock.advance(0)
        assert self.clock.getDelayedCalls() == []

    def test_we_were_stopped(self) -> None:
        """Who spoke meanwhile is not cut off when this process runs again: then timers go before what has arrived."""
        self.clock.advance(0)
        self.theirs.pause()
        self.clock.advance(11)
        self.clock.rightNow += 100
        self.clock.callLater(0, self.ours.dataReceived, PING.serialize())
        self.clock.advance(0)
        assert self.sessions.newest.reason is None

    def test_we_do_not_listen(self) -> None:
        """Who cannot be heard because this side does not listen is not cut off."""
        self.clock.advance(0)
        self.ours.pause()
        self.clock.pump([1.0] * 100)
        self.ours.resume()
        self.clock.pump([1.0] * 100)
        assert self.sessions.newest.reason is None
