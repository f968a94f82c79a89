import shutil
import tempfile
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from builder.attempt.folder import AttemptFolder
from builder.errors import UnavailableError
from builder.model.attempt import Position
from builder.protocol import Peer, PeerFactory
from builder.slave.relay import REPEAT_AFTER
from builder.slave.stream import REPEATS, Stream
from builder.wire import CHUNK, LogChunk, Request
from tests.support.slave import SlaveCase
from tests.support.wire import MemorySession


class StreamTest(SlaveCase):
    def test_records_go_out_at_once_behind_their_log(self) -> None:
        """A step's end is reported without a wait, and never before the log that was written until then."""
        self.order()
        runner = self.launcher.last
        runner.records.begin_step("fetch")
        runner.say("fetching\n")
        runner.records.end_step(ok=True)
        self.slave.told("records")
        assert self.attempt.steps == ["started", "fetch begins", "fetch ends"]
        assert self.attempt.log == b"fetching\n"

    def test_log_is_gathered(self) -> None:
        """Lines that come one by one go out together, no later than the gathering time."""
        self.order()
        for number in range(10):
            self.launcher.last.say(f"{number}\n")
            self.slave.told("log")
        assert self.master.asked.get("LogChunk", 0) == 0
        self.slave.gather()
        assert self.attempt.log == b"".join(b"%d\n" % number for number in range(10))
        assert self.master.asked["LogChunk"] == 1

    def test_much_log_goes_out_in_whole_chunks(self) -> None:
        """What fills a chunk does not wait."""
        self.order()
        self.launcher.last.say("x" * (CHUNK * 3 + 1))
        self.slave.told("log")
        assert len(self.attempt.log) == CHUNK * 3
        self.slave.gather()
        assert len(self.attempt.log) == CHUNK * 3 + 1

    def test_a_gap_is_filled(self) -> None:
        """When the master says that it has less than was sent, the stream goes on from there."""
        self.order()
        text = "".join(f"{number}\n" for number in range(60_000))
        taken: list[int] = []

        def lose_one(request: Request[Any]) -> None:
            if isinstance(request, LogChunk) and not taken and request.offset:
                taken.append(request.offset)
                self.attempt.log = self.attempt.log[: CHUNK // 2]  # the master lost its memory of the newest log

        self.master.before = lose_one
        self.launcher.last.say(text)
        self.slave.told("log")
        self.slave.gather()
        assert taken
        assert self.attempt.log == text.encode()

    def test_a_master_that_does_not_get_on_is_said_hello_anew(self) -> None:
        """A stream that is sent back without end closes the connection instead of running hot."""
        self.order()
        self.master.deaf = True
        self.launcher.last.say("x" * CHUNK)
        self.slave.told("log")
        assert self.master.newest.reason is not None
        assert self.master.asked["LogChunk"] == REPEATS + 1

    def test_a_report_that_the_master_cannot_take_now_is_sent_later(self) -> None:
        """`UnavailableError` costs time and nothing else."""
        self.order()
        refused: list[Request[Any]] = []

        def refuse_once(request: Request[Any]) -> None:
            if isinstance(request, LogChunk) and not refused:
                refused.append(request)
                raise UnavailableError("the disk is full")

        self.master.before = refuse_once
        self.launcher.last.say("hello\n")
        self.slave.told("log")
        self.slave.gather()
        assert self.attempt.log == b""
        self.clock.advance(REPEAT_AFTER)
        self.slave.flush()
        self.slave.gather()
        assert self.attempt.log == b"hello\n"

    def test_records_that_cannot_be_read_hurt_nobody_who_wakes(self) -> None:
        """The report fails, is logged, and is tried again."""
        self.order()
        records = self.launcher.last.folder.path / "records"
        records.write_bytes(b"[]\n")
        self.slave.told("records")
        assert len(self.flushLoggedErrors(msgspec.ValidationError)) == 1
        records.unlink()
        self.launcher.last.say("hello\n")
        self.clock.advance(REPEAT_AFTER)
        self.slave.gather()
        assert self.attempt.log == b"hello\n"


class HeldPeer(Peer):
    """A peer whose answers are given by the test, in any order."""

    def __init__(self) -> None:
        super().__init__(Clock(), PeerFactory(Clock(), frozenset(), MemorySession, now=Clock().seconds))
        self.held: list[Deferred[Any]] = []

    @override
    def ask(self, request: Request[Any], within: float = 30.0) -> Deferred[Any]:
        answer: Deferred[Any] = Deferred()
        self.held.append(answer)
        return answer


class OvertakenAnswerTest(SynchronousTestCase):
    def test_an_answer_that_was_overtaken_takes_nothing_back(self) -> None:
        """The master answers a record after the log behind it: the stream is at its end nevertheless."""
        path = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, path)
        folder, peer = AttemptFolder(path), HeldPeer()
        recorder = folder.recorder()
        recorder.begin_step("build")
        recorder.end_step(ok=False)
        folder.log.write_bytes(b"why\n")
        written = len(folder.records())
        stream = Stream(Clock(), folder, "0" * 32, peer, Position(records=0, log=0))
        self.addCleanup(stream.stop)
        drained = stream.drain()
        *records, log = peer.held
        assert len(records) == written
        log.callback(Position(records=written, log=4))
        for number, record in enumerate(records, 1):
            record.callback(Position(records=number, log=0))
        assert self.successResultOf(drained) == Position(records=written, log=4)
