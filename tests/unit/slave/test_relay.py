import shutil
from typing import Any

from builder.errors import InternalError, UnavailableError
from builder.model.artifact import LISTING_NAME
from builder.model.attempt import AttemptState, FailureKind, Outcome
from builder.slave.journal import Journal
from builder.slave.relay import REPEAT_AFTER
from builder.state import SlaveFolder
from builder.wire import CHUNK, ArtifactChunk, JobFinished, Request, StartJob
from tests.support.disk import failing, no_file_larger_than
from tests.support.orders import ATTEMPT, order, source_work
from tests.support.slave import SlaveCase

SUCCESS = Outcome(state=AttemptState.SUCCEEDED, evr="1.0-1")
FAILURE = Outcome(state=AttemptState.FAILED, kind=FailureKind.COMPILE, reason="it does not compile")


class OrderTest(SlaveCase):
    def test_an_order_is_on_disk_when_it_is_answered(self) -> None:
        """`StartJob`'s answer means that the order survives the slave."""
        wanted = self.order()
        assert Journal(SlaveFolder(self.state)).held()[0].order == wanted
        assert self.launcher.last.first.value == "fetch"

    def test_the_same_order_twice_is_begun_once(self) -> None:
        """A `StartJob` that comes again changes nothing."""
        self.order()
        self.order()
        assert len(self.launcher.runners) == 1

    def test_an_order_that_cannot_be_written_is_refused(self) -> None:
        """The master is told to try elsewhere."""
        shutil.rmtree(self.state / "attempts")
        (self.state / "attempts").write_text("no folder")
        error = self.failureResultOf(self.ask(StartJob(order=order(source_work()))), UnavailableError)
        assert "cannot be written down" in str(error.value)

    def test_an_order_that_is_refused_leaves_nothing(self) -> None:
        """A full disk gets no fuller by every order that does not fit."""
        for operation, name in (("sync", "order.json"), ("move", ATTEMPT)):
            with failing(operation, name):
                self.failureResultOf(self.ask(StartJob(order=order(source_work()))), UnavailableError)
            assert self.folders() == []
            assert not (self.state / "next").exists()

    def test_hello_says_what_the_slave_is_and_holds(self) -> None:
        """After a lost connection the slave names its attempt."""
        self.order()
        self.slave.cut()
        self.slave.connect()
        first, second = self.master.hellos
        assert (first.architectures, first.held) == (("x86_64",), ())
        assert second.held == (ATTEMPT,)


class EndTest(SlaveCase):
    def test_a_failure_is_reported_and_then_forgotten(self) -> None:
        """The attempt is on disk until its end is acknowledged, and not after it."""
        self.order()
        self.launcher.last.records.begin_step("fetch")
        self.launcher.last.say("no such repository\n")
        self.launcher.last.records.end_step(ok=False)
        self.launcher.last.finish(FAILURE)
        assert self.folders() == [ATTEMPT]
        self.slave.flush()
        assert self.attempt.outcome == FAILURE
        assert self.attempt.log == b"no such repository\n"
        assert self.folders() == []

    def test_a_success_delivers_its_results_first_the_listing_last(self) -> None:
        """Every file is there, whole, before the master is told of the success."""
        self.order()
        files = {"a.rpm": b"a" * (CHUNK * 40 + 1), "b.rpm": b""}
        self.deliver(files)
        self.launcher.last.finish(SUCCESS)
        self.slave.flush()
        assert self.attempt.outcome == SUCCESS
        assert {name: self.attempt.files[name] for name in files} == files
        assert list(self.attempt.begun) == ["a.rpm", "b.rpm", LISTING_NAME]
        assert self.attempt.steps[-2:] == ["upload begins", "upload ends"]

    def test_a_success_is_delivered_from_a_full_disk(self) -> None:
        """There is no room for the records of the upload; the results go, and make room."""
        self.order()
        self.launcher.last.records.begin_step("collect")
        self.launcher.last.records.end_step(ok=True)
        self.deliver({"a.rpm": b"content"})
        with no_file_larger_than((self.launcher.last.folder.path / "records").stat().st_size):
            self.launcher.last.finish(SUCCESS)
            self.slave.flush()
        assert self.attempt.outcome == SUCCESS
        assert self.attempt.steps[-1] == "collect ends"
        assert self.folders() == []

    def test_a_result_that_changed_on_disk_is_the_farms_fault(self) -> None:
        """What does not have its digest any more is tried a few times and then told."""
        self.order()
        self.deliver({"a.rpm": b"good"})
        (self.launcher.last.folder.results / "a.rpm").write_bytes(b"evil")
        self.launcher.last.finish(SUCCESS)
        self.slave.flush()
        assert self.attempt.outcome.state is AttemptState.BROKEN
        assert "a.rpm" in self.attempt.outcome.reason
        assert self.attempt.steps[-1] == "upload fails"

    def test_an_upload_that_was_cut_goes_on_at_its_offset(self) -> None:
        """No byte that the master has is sent again."""
        self.order()
        content = bytes(range(256)) * 4000
        self.deliver({"a.rpm": content})
        self._cut_at(ArtifactChunk, 5)
        self.launcher.last.finish(SUCCESS)
        self.slave.flush()
        had = len(self.attempt.files["a.rpm"])
        assert 0 < had < len(content)
        sent: list[int] = []
        self.master.before = lambda request: sent.append(request.offset) if isinstance(request, ArtifactChunk) else None
        self.slave.connect()
        assert sent[0] == had
        assert self.attempt.files["a.rpm"] == content
        assert self.attempt.steps.count("upload begins") == 1

    def test_an_end_whose_answer_was_lost_is_not_taken_twice(self) -> None:
        """The verdict `accepted` is as good as the answer."""
        self.order()
        self._cut_after(JobFinished)
        self.launcher.last.finish(FAILURE)
        self.slave.flush()
        assert self.folders() == [ATTEMPT]
        self.slave.connect()
        assert self.attempt.finishes == 1
        assert self.folders() == []

    def test_an_end_that_nobody_wants_is_forgotten(self) -> None:
        """`superseded` in answer to a report stops the runner and removes the attempt."""
        self.order()
        self.master.superseded.add(ATTEMPT)
        self.launcher.last.records.begin_step("fetch")
        self.slave.told("records")
        assert self.launcher.last.folder.cancelled
        self.launcher.last.finish(Outcome(state=AttemptState.CANCELLED))
        self.slave.flush()
        assert self.folders() == []
        assert self.attempt.outcome is None

    def test_an_attempt_that_the_master_forgot_is_parked(self) -> None:
        """Work that a restored database does not know is kept for people to look at."""
        self.order()
        self.launcher.last.say("precious\n")
        self.slave.cut()
        del self.master.attempts[ATTEMPT]
        self.slave.connect()
        self.launcher.last.finish(Outcome(state=AttemptState.CANCELLED))
        self.slave.flush()
        assert self.folders() == []
        assert self.folders("parked") == [ATTEMPT]
        assert (self.state / "parked" / ATTEMPT / "log").read_text() == "precious\n"

    def test_the_end_comes_again_when_something_is_missing(self) -> None:
        """`ConflictError` makes the slave say hello, and nothing is lost."""
        self.order()
        self.launcher.last.say("all of it\n")

        def forget(request: Request[Any]) -> None:
            if isinstance(request, JobFinished) and len(self.master.made) == 1:
                self.attempt.log = b""

        self.master.before = forget
        self.launcher.last.finish(FAILURE)
        self.slave.flush()
        assert self.folders() == [ATTEMPT]
        self.slave.connect()
        self.slave.gather()
        assert self.attempt.outcome == FAILURE
        assert self.attempt.log == b"all of it\n"

    def test_a_bug_of_the_master_is_met_again_later(self) -> None:
        """`InternalError` is logged, and the report is tried again."""
        self.order()
        met: list[Request[Any]] = []

        def meet_once(request: Request[Any]) -> None:
            if isinstance(request, JobFinished) and not met:
                met.append(request)
                raise InternalError("a bug")

        self.master.before = meet_once
        self.launcher.last.finish(FAILURE)
        self.slave.flush()
        assert len(self.flushLoggedErrors(InternalError)) == 1
        self.clock.advance(REPEAT_AFTER)
        self.slave.flush()
        assert self.attempt.outcome == FAILURE

    def _cut_at(self, kind: type[Request[Any]], number: int) -> None:
        """Lose the connection at the request of this number."""

        def cut(request: Request[Any]) -> None:
            if isinstance(request, kind) and self.master.asked[kind.__name__] == number:
                assert self.slave.wire
                self.slave.wire.cut()

        self.master.before = cut

    def _cut_after(self, kind: type[Request[Any]]) -> None:
        """Lose the connection before this request is answered."""
        self._cut_at(kind, 1)
