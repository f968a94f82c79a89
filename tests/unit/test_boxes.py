from functools import partial
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.protocols.amp import AmpBox
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from builder import boxes, protocol
from builder.certificates import Identity
from builder.model.attempt import Position
from builder.wire import REQUESTS, FetchFile, FilePart, LogChunk, Request, Role
from tests.support.values import values
from tests.support.wire import MemorySession, ScriptedSessions, connected_pair, raw_pair

MASTER = Identity(role=Role.MASTER, name="master")
SLAVE = Identity(role=Role.SLAVE, name="builder-1")
ATTEMPT = "0123456789abcdef" * 2
CHUNK = LogChunk(attempt=ATTEMPT, offset=10, data=b"line\n")
QUESTION = AmpBox(_ask=b"1", _command=b"LogChunk", m=msgspec.msgpack.encode(CHUNK)).serialize()
PING = AmpBox(_ask=b"1", _command=b"Ping", m=b"\x80").serialize()


class RawTestCase(SynchronousTestCase):
    """A peer, and one on the other side that says whatever bytes the test wants."""

    @override
    def setUp(self) -> None:
        self.clock = Clock()
        self.sessions = ScriptedSessions()
        self.peer, self.raw = raw_pair(self.clock, self.sessions.session_for, SLAVE)

    def say(self, data: bytes) -> None:
        """Let bytes arrive."""
        self.raw.transport.write(data)
        self.clock.advance(0)

    def assert_closed(self, why: str) -> None:
        """The connection was closed for this reason, the other side knows that it is gone, and no timer is left."""
        self.clock.advance(0)
        assert why in str(self.sessions.newest.reason)
        assert self.raw.lost
        assert self.clock.getDelayedCalls() == []


class HostileTests(RawTestCase):
    """Boxes that no honest peer sends end the connection, and nothing else."""

    def test_neither_question_nor_answer(self) -> None:
        """A box that is nothing closes the connection."""
        for data in (b"\0\0", AmpBox(m=b"x").serialize(), AmpBox(_command=b"Ping", m=b"\x80").serialize()):
            with self.subTest(data=data):
                self.setUp()
                self.say(data)
                self.assert_closed("neither a question nor an answer nor an error")

    def test_long_tag(self) -> None:
        """A question's number is short: it would be repeated in the answer."""
        self.say(AmpBox(_ask=b"x" * (protocol.MAX_TAG + 1), _command=b"Ping", m=b"\x80").serialize())
        self.assert_closed("neither")

    def test_many_keys(self) -> None:
        """A box has few keys."""
        self.say(b"".join(b"\0\1" + bytes([key]) + b"\0\0" for key in range(boxes.MAX_KEYS + 1)))
        self.assert_closed("more than 8 keys")

    def test_one_key_many_times(self) -> None:
        """The same key again and again is counted too, though the box does not grow by it."""
        self.say(b"\0\1k\0\0" * 100_000)
        self.assert_closed("more than 8 keys")

    def test_long_key(self) -> None:
        """A key that is longer than AMP allows is refused, whatever follows."""
        self.say(b"\x01\x00" + b"k" * 256)
        self.assert_closed("a key of 256 bytes")

    def test_many_bytes(self) -> None:
        """A box has room for one long value, not for two."""
        self.say(AmpBox(a=bytes(40_000), b=bytes(40_000)).serialize())
        self.assert_closed("more than 66559 bytes")

    def test_half_a_box(self) -> None:
        """Who begins a box and does not end it in time is cut off."""
        whole = PING
        for length in (1, 2, 3, 7, len(whole) - 1):
            with self.subTest(length=length):
                self.setUp()
                self.say(whole[:length])
                self.clock.advance(boxes.BOX_SECONDS)
                self.assert_closed("did not end it within 30 seconds")

    def test_one_byte_at_a_time(self) -> None:
        """A slow box is cut off though something comes all the time."""
        whole = AmpBox(_ask=b"1", _command=b"LogChunk", m=bytes(300)).serialize()
        for byte in whole:
            if self.peer.closing:
                break
            self.say(bytes([byte]))
            self.clock.advance(1)
        self.assert_closed("did not end it within 30 seconds")

    def test_slow_but_whole_boxes(self) -> None:
        """Who sends box after box in pieces, each in time, is not cut off."""
        data = PING * 4
        for start in range(0, len(data), 10):
            self.say(data[start : start + 10])
            self.clock.advance(boxes.BOX_SECONDS / 5)
        assert not self.sessions.newest.reason

    def test_each_box_has_its_own_time(self) -> None:
        """A box is cut off after its own time, not after that of the one before it."""
        self.say(PING[:5])
        self.clock.advance(boxes.BOX_SECONDS - 1)
        self.say(PING[5:] + PING[:5])
        self.clock.advance(boxes.BOX_SECONDS - 1)
        before = self.sessions.newest.reason
        self.clock.advance(1)
        assert before is None
        self.assert_closed("did not end it within 30 seconds")

    def test_nothing_after_the_end(self) -> None:
        """What follows a box that ended the connection, in the same piece, is not looked at."""
        self.say(b"\0\0" + QUESTION * 10)
        assert self.sessions.heard == []
        self.assert_closed("neither")

    def test_answers_that_are_not_read(self) -> None:
        """Who asks and does not read the answers is cut off before they fill the memory."""
        self.patch(boxes, "MAX_UNSENT", 200_000)
        self.sessions.answers[FetchFile] = FilePart(size=60_000, data=bytes(60_000))
        box = AmpBox(_ask=b"1", _command=b"FetchFile", m=msgspec.msgpack.encode(FetchFile(sha256="0" * 64, offset=0)))
        self.raw.transport.pauseProducing()
        self.say(box.serialize() * 20)
        self.assert_closed("does not read")
        assert len(self.sessions.heard) < 10

    def test_much_that_is_read(self) -> None:
        """Who reads what he asked for is not cut off, however much it is in the end, or how slowly he reads."""
        self.patch(boxes, "MAX_UNSENT", 200_000)
        self.sessions.answers[FetchFile] = FilePart(size=60_000, data=bytes(60_000))
        box = AmpBox(_ask=b"1", _command=b"FetchFile", m=msgspec.msgpack.encode(FetchFile(sha256="0" * 64, offset=0)))
        for _ in range(10):
            self.raw.transport.pauseProducing()
            self.say(box.serialize() * 3)
            self.raw.transport.resumeProducing()
            self.clock.advance(0)
            assert len(self.raw.heard()) == 3


class PauseTests(RawTestCase):
    """Back-pressure: a side that cannot take more does not read."""

    def test_paused(self) -> None:
        """While paused nothing is heard; afterwards everything, in order."""
        chunks = [LogChunk(attempt=ATTEMPT, offset=offset, data=bytes(1000)) for offset in range(500)]
        boxes = [AmpBox(_ask=b"1", _command=b"LogChunk", m=msgspec.msgpack.encode(chunk)) for chunk in chunks]
        self.peer.pause()
        self.say(b"".join(box.serialize() for box in boxes))
        heard = list(self.sessions.heard)
        self.peer.resume()
        self.clock.advance(0)
        assert (heard, self.sessions.heard) == ([], chunks)

    def test_paused_by_a_handler(self) -> None:
        """A handler that pauses hears nothing more, though more boxes came in the same piece."""
        heard: list[LogChunk] = []

        async def pause(chunk: LogChunk) -> Position:
            heard.append(chunk)
            self.peer.pause()
            return Position(records=0, log=0)

        self.peer, self.raw = raw_pair(self.clock, partial(MemorySession, handlers={LogChunk: pause}), SLAVE)
        self.say(QUESTION * 3)
        for number in range(1, 4):
            assert len(heard) == len(self.raw.heard()) * number == number
            self.peer.resume()
            self.clock.advance(0)

    def test_paused_for_a_moment(self) -> None:
        """A handler that pauses and resumes before it returns hears each box once."""

        async def pause(chunk: LogChunk) -> Position:
            self.peer.pause()
            heard.append(chunk.offset)
            self.peer.resume()
            return Position(records=0, log=0)

        heard: list[int] = []
        self.peer, self.raw = raw_pair(self.clock, partial(MemorySession, handlers={LogChunk: pause}), SLAVE)
        chunks = [LogChunk(attempt=ATTEMPT, offset=offset, data=b"x") for offset in range(5)]
        questions = [AmpBox(_ask=b"1", _command=b"LogChunk", m=msgspec.msgpack.encode(chunk)) for chunk in chunks]
        self.say(b"".join(box.serialize() for box in questions))
        assert heard == list(range(5))
        assert len(self.raw.heard()) == 5

    def test_paused_time_is_not_held_against_the_peer(self) -> None:
        """Half a box may wait for as long as this side does not listen, and then has its whole time."""
        self.say(PING[:10])
        self.clock.advance(boxes.BOX_SECONDS - 1)
        self.peer.pause()
        self.clock.advance(1000)
        assert self.peer.silence() == 0.0
        self.peer.resume()
        assert self.peer.silence() == 0.0
        self.clock.advance(boxes.BOX_SECONDS - 1)
        assert not self.sessions.newest.reason
        self.clock.advance(1)
        self.assert_closed("did not end it")

    def test_silence(self) -> None:
        """Silence is counted from the last byte."""
        self.clock.advance(7)
        before = self.peer.silence()
        self.say(b"\0")
        assert (before, self.peer.silence()) == (7.0, 0.0)

    def test_closed_while_paused(self) -> None:
        """A side that does not read can still close, without waiting for the cut."""
        self.peer.pause()
        self.peer.close("it is enough")
        self.assert_closed("it is enough")


keys = st.sampled_from([b"_ask", b"_answer", b"_error", b"_command", b"_error_code", b"m"]) | st.binary(
    min_size=1, max_size=5
)
contents = st.sampled_from([request.__name__.encode() for request in REQUESTS]) | st.binary(max_size=60)
wild_boxes = st.dictionaries(keys, contents, max_size=10).map(lambda box: AmpBox(box).serialize())


@st.composite
def mutated_boxes(draw: st.DrawFn) -> bytes:
    """A right question of any kind with some of its bytes changed."""
    request = draw(st.sampled_from(REQUESTS).flatmap(values))
    box = AmpBox(_ask=b"1", _command=type(request).__name__.encode(), m=msgspec.msgpack.encode(request))
    data = bytearray(box.serialize())
    for _ in range(draw(st.integers(0, 3))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data)


class AnyBytesTests(SynchronousTestCase):
    """Whatever comes, no exception escapes and nothing is left behind."""

    @settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(pieces=st.lists(mutated_boxes() | wild_boxes | st.binary(max_size=50), max_size=6), cut=st.integers(1, 80))
    def test_any_bytes(self, pieces: list[bytes], cut: int) -> None:
        """The connection is kept or closed with a reason; nothing is logged as a bug; no timer stays."""
        clock, sessions = Clock(), ScriptedSessions()
        peer, raw = raw_pair(clock, sessions.session_for, SLAVE)
        data = b"".join(pieces)
        for start in range(0, len(data), cut):
            raw.transport.write(data[start : start + cut])
            clock.advance(0)
        raw.heard()
        peer.close("the test is over")
        clock.advance(0)
        reason = sessions.newest.reason
        assert reason == "the test is over" or str(reason).startswith("it ")
        assert clock.getDelayedCalls() == []
        assert self.flushLoggedErrors() == []

    @settings(deadline=None)
    @given(request=st.sampled_from(REQUESTS).flatmap(values), cut=st.integers(1, 50))
    def test_any_request_in_any_pieces(self, request: Request[Any], cut: int) -> None:
        """What a handler is given is what was asked, wherever the connection cuts it."""
        clock, sessions = Clock(), ScriptedSessions(type(request))
        sender = min(request.senders, key=lambda role: role.value)
        _, raw = raw_pair(clock, sessions.session_for, Identity(role=sender, name="one"))
        box = AmpBox(_ask=b"1", _command=type(request).__name__.encode(), m=msgspec.msgpack.encode(request))
        data = box.serialize()
        for start in range(0, len(data), cut):
            raw.transport.write(data[start : start + cut])
            clock.advance(0)
        assert sessions.heard == [request]


class LongBoxTests(SynchronousTestCase):
    """What is sent."""

    def test_short_writes(self) -> None:
        """No write is longer than 64 KiB, however long the box; it arrives whole."""
        sessions = ScriptedSessions()
        sessions.answers[FetchFile] = FilePart(size=1, data=bytes(65_520))
        clock = Clock()
        wire = connected_pair(sessions.session_for, MASTER, MemorySession, SLAVE, clock)
        answer = wire.b.ask(FetchFile(sha256="0" * 64, offset=0))
        wire.flush()
        assert len(self.successResultOf(answer).data) == 65_520
        assert max(wire.a.transport.writes) <= 64 * 1024
