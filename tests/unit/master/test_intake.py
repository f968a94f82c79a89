"""Reports are taken exactly once, whatever comes twice, too early, too late or from the wrong side."""

import os

import msgspec
from twisted.internet.defer import Deferred
from typing_extensions import override

from builder.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError, SupersededError
from builder.files import remove_tree
from builder.lifecycle import REPORTED_ENDS
from builder.master.intake import MOST_RECORDS
from builder.master.lease import LOOK
from builder.master.logs import LONGEST
from builder.model.artifact import ArtifactKind
from builder.model.attempt import AttemptState, Outcome, Position
from builder.model.event import EventFilter, EventKind
from builder.model.inputs import INPUTS_NAME
from builder.model.job import SOURCE, JobState
from builder.model.lint import Lint
from builder.model.operation import Publish
from builder.model.step import StepName
from builder.model.work import ChrootWork, WorkOrder
from builder.wire import CHUNK, Accepted, FetchFile, FilePart
from tests.support.headless import GRACE, LEASE, X86, MasterCase
from tests.support.inputs import CHROOT_INPUTS, SOURCE_INPUTS
from tests.support.scripted import BUILT, MADE, ScriptedSlave, artifact, listed
from tests.support.store import answer

FAILED = Outcome(state=AttemptState.FAILED, reason="it does not compile")


class Reports(MasterCase):
    """A slave with one source job in hand."""

    @override
    def setUp(self) -> None:
        super().setUp()
        self.worker = self.slave()
        self.number = self.master.build()
        self.order = self.worker.orders[0]

    def refused(self, error: type[Exception], asked: object) -> str:
        """The sentence with which a request was refused."""
        return str(self.failureResultOf(asked, error).value)

    def state(self, job: str = SOURCE) -> AttemptState:
        """Where the newest attempt stands."""
        return self.master.attempts(self.number, job)[-1].state

    def delivered(self) -> WorkOrder:
        """Deliver the source job, and return the order that follows."""
        self.worker.make_source(self.order)
        return self.worker.orders[-1]


class Stream(Reports):
    """Step records and log."""

    def test_a_record_that_comes_twice_changes_nothing(self) -> None:
        """Its second answer is the position that was reached."""
        answer(self.worker.started(self.order))
        answer(self.worker.step(self.order, 1))
        assert answer(self.worker.step(self.order, 1)) == Position(records=2, log=0)
        assert answer(self.worker.started(self.order)) == Position(records=2, log=0)
        assert len(self.master.attempts(self.number, SOURCE)[0].steps) == 1

    def test_a_record_that_leaves_a_gap_is_not_taken(self) -> None:
        """The answer says which one is wanted."""
        assert answer(self.worker.step(self.order, 1)) == Position(records=0, log=0)
        assert self.master.attempts(self.number, SOURCE)[0].steps == ()

    def test_log_is_taken_by_its_offset(self) -> None:
        """Twice is once, an overlap adds what is new, and a gap is answered with where to go on."""
        assert answer(self.worker.log(self.order, 0, b"abc")) == Position(records=0, log=3)
        assert answer(self.worker.log(self.order, 0, b"abc")) == Position(records=0, log=3)
        assert answer(self.worker.log(self.order, 1, b"bcde")) == Position(records=0, log=5)
        assert answer(self.worker.log(self.order, 9, b"xyz")) == Position(records=0, log=5)
        assert self.master.stored_log(self.order) == b"abcde"

    def test_a_log_has_an_end(self) -> None:
        """A job that prints for ever fails and says so, its slave is told to stop, and what came before stays."""
        answer(self.worker.log(self.order, 0, b"abc"))
        path = self.master.farm.logs.path(self.number, SOURCE, 1)
        os.truncate(path, LONGEST - 3)
        assert answer(self.worker.log(self.order, LONGEST - 3, b"def")).log == LONGEST
        wait = self.master.farm.logs.changed(self.number, SOURCE, 1)
        assert "is stopped" in self.refused(SupersededError, self.worker.log(self.order, LONGEST, b"g"))
        self.successResultOf(wait)
        job = self.master.job(self.number, SOURCE)
        assert (job.state, job.reason) == (JobState.FAILED, "its log is longer than 1024 MiB")
        assert path.stat().st_size == LONGEST
        assert answer(self.worker.finish(self.order, FAILED)) == Accepted()

    def test_an_attempt_has_not_any_number_of_records(self) -> None:
        """A slave that goes on and on has broken the attempt."""
        for number in range(MOST_RECORDS):
            answer(self.worker.step(self.order, number))
        self.refused(SupersededError, self.worker.step(self.order, MOST_RECORDS))
        assert self.state() is AttemptState.RUNNING
        assert [(one.fence, one.state) for one in self.master.attempts(self.number, SOURCE)] == [
            (1, AttemptState.BROKEN),
            (2, AttemptState.RUNNING),
        ]

    def test_nothing_more_is_taken_of_an_attempt_that_was_given_up(self) -> None:
        """Once its slave is lost, what that reports is superseded, and whoever follows the log is woken."""
        answer(self.worker.log(self.order, 0, b"abc"))
        wait = self.master.farm.logs.changed(self.number, SOURCE, 1)
        late = ScriptedSlave("a")
        self.worker.cut()
        self.master.connect(late)
        self.master.wait(LEASE + GRACE + LOOK)
        self.successResultOf(wait)
        self.refused(SupersededError, late.log(self.order, 3, b"def"))
        assert self.master.stored_log(self.order) == b"abc"

    def test_a_restarted_master_knows_how_far_it_was(self) -> None:
        """The verdict of the next life has records and log of the last one, and the stream goes on there."""
        answer(self.worker.started(self.order))
        answer(self.worker.log(self.order, 0, b"abc"))
        self.master.restart()
        (verdict,) = self.again(self.worker, self.order).verdicts
        assert verdict.position == Position(records=1, log=3)
        assert answer(self.worker.log(self.order, 3, b"def")) == Position(records=1, log=6)
        assert self.master.stored_log(self.order) == b"abcdef"

    def test_followers_are_woken(self) -> None:
        """Whoever waits for more of a log hears of each piece, and of the end."""
        wait = self.master.farm.logs.changed(self.number, SOURCE, 1)
        answer(self.worker.log(self.order, 0, b"abc"))
        self.successResultOf(wait)
        wait = self.master.farm.logs.changed(self.number, SOURCE, 1)
        self.assertNoResult(wait)
        answer(self.worker.finish(self.order, FAILED, 0, 3))
        self.successResultOf(wait)

    def test_an_attempt_of_another_slave(self) -> None:
        """A slave reports only on what is its own."""
        other = self.slave("b")
        assert "not one of slave b" in self.refused(ForbiddenError, other.log(self.order, 0, b"mine"))
        self.refused(ForbiddenError, other.started(self.order))
        self.refused(ForbiddenError, other.finish(self.order, FAILED))
        self.refused(ForbiddenError, other.begin(self.order, artifact("x.rpm", b"x")))
        assert self.state() is AttemptState.RUNNING
        assert self.master.stored_log(self.order) == b""

    def test_an_attempt_that_never_was(self) -> None:
        """It is refused by every report."""
        never = msgspec.structs.replace(self.order, attempt="f" * 32)
        self.refused(NotFoundError, self.worker.log(never, 0, b"x"))
        self.refused(NotFoundError, self.worker.started(never))
        self.refused(NotFoundError, self.worker.finish(never, FAILED))

    def test_an_attempt_that_has_ended(self) -> None:
        """Nothing more of it is taken, and the reports say so."""
        answer(self.worker.finish(self.order, FAILED))
        self.refused(SupersededError, self.worker.log(self.order, 0, b"late"))
        self.refused(SupersededError, self.worker.started(self.order))
        self.refused(SupersededError, self.worker.begin(self.order, artifact("x.rpm", b"x")))
        assert self.master.stored_log(self.order) == b""


class Ends(Reports):
    """`JobFinished`."""

    tries = 2

    def test_twice_is_once(self) -> None:
        """Every end that a slave reports is answered alike the second time, in the next life too, and taken once."""
        self.worker.capacity = 9
        self.again(self.worker, self.order)
        ended: dict[str, tuple[int, WorkOrder, Outcome]] = {}
        for state in REPORTED_ENDS - {AttemptState.SUCCEEDED}:
            number, outcome = self.master.build("both"), Outcome(state=state, reason="because", evr="1-1")
            order = self.worker.orders[-1]
            ended[order.attempt] = (number, order, outcome)
            assert answer(self.worker.finish(order, outcome)) == Accepted()
        before = {number: self.master.attempts(number, SOURCE)[0] for number, _, _ in ended.values()}
        for restart in (False, True):
            if restart:
                self.master.restart()
                self.again(self.worker, *(order for order in self.worker.orders if order.attempt not in ended))
            for number, order, outcome in ended.values():
                assert answer(self.worker.finish(order, outcome)) == Accepted()
                assert self.master.attempts(number, SOURCE)[0] == before[number]

    def test_a_success_twice_is_published_once(self) -> None:
        """Neither operations nor events are doubled."""
        order = self.delivered()
        self.worker.make_package(order)
        sent = len(self.repo.operations)
        assert answer(self.worker.finish(order, BUILT)) == Accepted()
        self.master.restart()
        self.again(self.worker)
        assert answer(self.worker.finish(order, BUILT)) == Accepted()
        self.master.connect(self.repo)
        answer(self.repo.hello())
        assert len(self.repo.operations) == sent + 1  # the one that waits, sent on the new connection
        events = answer(self.master.farm.events.since(0))
        assert len([event for event in events if event.kind is EventKind.JOB_PUBLISHING]) == 1

    def test_what_the_farm_broke_is_tried_elsewhere(self) -> None:
        """The next attempt is on the other slave, with a higher fence; the second break fails the job of two tries."""
        broken = Outcome(state=AttemptState.BROKEN, reason="no space left")
        other = self.slave("b")
        answer(self.worker.finish(self.order, broken))
        (second,) = other.orders
        assert second.fence == 2
        answer(other.finish(second, broken))
        assert self.master.job(self.number, SOURCE).state is JobState.FAILED
        assert self.master.job(self.number, SOURCE).reason == "no space left; given up after 2 tries"

    def test_the_end_waits_for_the_whole_stream(self) -> None:
        """An end that names more records or log than are there is refused, and taken when they are."""
        assert "0 bytes of log" in self.refused(ConflictError, self.worker.finish(self.order, FAILED, 0, 3))
        self.refused(ConflictError, self.worker.finish(self.order, FAILED, 1, 0))
        assert self.state() is AttemptState.RUNNING
        answer(self.worker.log(self.order, 0, b"abc"))
        assert answer(self.worker.finish(self.order, FAILED, 0, 3)) == Accepted()

    def test_the_masters_own_verdicts_are_not_for_slaves(self) -> None:
        """A slave cannot say that an attempt runs, or that it is superseded."""
        for state in (AttemptState.RUNNING, AttemptState.CANCELLING, AttemptState.SUPERSEDED):
            self.refused(InvalidError, self.worker.finish(self.order, Outcome(state=state)))

    def test_a_success_needs_its_listing(self) -> None:
        """Without it, or without a file that it names, the success is refused; nothing is lost by that."""
        self.refused(ConflictError, self.worker.finish(self.order, MADE))
        srpm = artifact("x-1-1.src.rpm", b"srpm", ArtifactKind.SRPM)
        listing, content = listed(self.order.attempt, srpm)
        answer(self.worker.begin(self.order, listing))
        answer(self.worker.chunk(self.order, listing.name, 0, content))
        assert "x-1-1.src.rpm" in self.refused(ConflictError, self.worker.finish(self.order, MADE))
        answer(self.worker.begin(self.order, srpm))
        answer(self.worker.chunk(self.order, srpm.name, 0, b"srpm"))
        assert answer(self.worker.finish(self.order, MADE)) == Accepted()

    def test_a_listing_that_does_not_say_what_was_delivered(self) -> None:
        """Another digest or another size than that of the file is refused."""
        srpm = artifact("x-1-1.src.rpm", b"srpm", ArtifactKind.SRPM)
        for wrong in ({"sha256": "0" * 64}, {"size": 5}):
            self.worker.deliver(self.order, (srpm, b"srpm"))
            listing, content = listed(self.order.attempt, msgspec.structs.replace(srpm, **wrong))
            answer(self.worker.begin(self.order, listing))
            answer(self.worker.chunk(self.order, listing.name, 0, content))
            self.refused(ConflictError, self.worker.finish(self.order, MADE))

    def test_a_listing_that_is_none(self) -> None:
        """It will not become one by sending it again: the attempt is broken, and another one is made."""
        for content in (b"{", listed("f" * 32)[1], b'{"attempt": "x", "artifacts": []}'):
            order = self.worker.orders[-1]
            listing = artifact("listing.json", content, ArtifactKind.LISTING)
            answer(self.worker.begin(order, listing))
            answer(self.worker.chunk(order, listing.name, 0, content))
            assert answer(self.worker.finish(order, MADE)) == Accepted(superseded=True)
            if order.fence == 1:
                assert self.worker.orders[-1].fence == 2
                continue
            break
        assert self.master.job(self.number, SOURCE).state is JobState.FAILED

    def test_a_success_without_what_it_has_to_bring(self) -> None:
        """A source job without facts or SRPM, a chroot job without an EVR: the slave is at fault, not the package."""
        self.worker.deliver(self.order)
        assert answer(self.worker.finish(self.order, MADE)) == Accepted(superseded=True)
        assert "without an SRPM" in self.master.attempts(self.number, SOURCE)[0].reason
        self.order = self.worker.orders[-1]
        package = self.delivered()
        for evr in (None, "nonsense"):
            order = self.worker.orders[-1]
            self.worker.deliver(order)
            outcome = Outcome(state=AttemptState.SUCCEEDED, evr=evr)
            assert answer(self.worker.finish(order, outcome)) == Accepted(superseded=True)
        assert "without the EVR" in self.master.job(package.build, X86).reason
        assert self.master.job(package.build, X86).state is JobState.FAILED


class Deliveries(Reports):
    """Artifacts, and files that slaves fetch."""

    def test_an_upload_goes_on_in_the_next_life(self) -> None:
        """A killed master knows how much it has and goes on hashing from there."""
        content = bytes(range(256)) * 400
        srpm = artifact("x-1-1.src.rpm", content, ArtifactKind.SRPM)
        assert answer(self.worker.begin(self.order, srpm)).offset == 0
        assert answer(self.worker.chunk(self.order, srpm.name, 0, content[:CHUNK])).offset == CHUNK
        self.master.restart()
        self.again(self.worker, self.order)
        assert answer(self.worker.begin(self.order, srpm)).offset == CHUNK
        assert answer(self.worker.chunk(self.order, srpm.name, CHUNK, content[CHUNK:])).offset == len(content)
        assert answer(self.worker.begin(self.order, srpm)).offset == len(content)
        assert (self.master.incoming(self.order) / srpm.name).read_bytes() == content

    def test_leftovers_are_removed(self) -> None:
        """What the listing does not name is not kept beside what it names."""
        stray = artifact("stray.rpm", b"stray")
        answer(self.worker.begin(self.order, stray))
        answer(self.worker.begin(self.order, artifact("half.rpm", b"half")))
        answer(self.worker.chunk(self.order, stray.name, 0, b"stray"))
        answer(self.worker.chunk(self.order, "half.rpm", 0, b"ha"))
        self.delivered()
        names = {path.name for path in self.master.incoming(self.order).iterdir()}
        assert names == {"hello-1.0-1.src.rpm", "listing.json"}

    def test_what_people_read_is_kept(self) -> None:
        """Logs and what went into it stay when what was delivered is published and taken away."""
        order = self.delivered()
        text = msgspec.json.encode(CHROOT_INPUTS)
        log, given = artifact("a.log", b"log", ArtifactKind.LOG), artifact(INPUTS_NAME, text, ArtifactKind.INPUTS)
        self.worker.deliver(order, (log, b"log"), (given, text))
        answer(self.worker.finish(order, BUILT))
        remove_tree(self.master.incoming(order))
        kept = self.master.farm.logs.path(order.build, order.job, order.fence).with_name("kept")
        assert {path.name: path.read_bytes() for path in kept.iterdir()} == {"a.log": b"log", INPUTS_NAME: text}

    def test_what_rpmlint_found_is_shown_with_the_attempt(self) -> None:
        """It decides nothing: the package is published."""
        order = self.delivered()
        lint = Lint(errors=1, first=("hello.noarch: E: no-group-tag",))
        self.worker.make_package(order, msgspec.structs.replace(BUILT, lint=lint))
        assert self.master.attempts(order.build, order.job)[0].lint == lint
        assert self.master.job(order.build, order.job).state is JobState.PUBLISHING

    def test_inputs_that_cannot_be_read_break_the_attempt(self) -> None:
        """What nobody could be told later is no success."""
        text = msgspec.json.encode(SOURCE_INPUTS)  # of the other kind of job
        order = self.delivered()
        self.worker.deliver(order, (artifact(INPUTS_NAME, text, ArtifactKind.INPUTS), text))
        answer(self.worker.finish(order, BUILT))
        attempt = self.master.attempts(order.build, order.job)[0]
        assert attempt.state is AttemptState.BROKEN
        assert f"delivered what cannot be used: {INPUTS_NAME} of {order.job} cannot be read" in attempt.reason

    def fetch(self, slave: ScriptedSlave, sha256: str, offset: int = 0) -> Deferred[FilePart]:
        """Ask for a file."""
        return slave.ask(FetchFile(sha256=sha256, offset=offset))

    def srpm(self) -> str:
        """The digest of what the source job makes."""
        work = self.delivered().work
        assert isinstance(work, ChrootWork)
        return work.srpm.sha256

    def test_a_slave_gets_the_srpm_of_its_order(self) -> None:
        """In parts, each with the whole size; behind the end there is nothing."""
        sha256 = self.srpm()
        content = f"the SRPM of build {self.number}".encode()
        assert self.successResultOf(self.fetch(self.worker, sha256)) == FilePart(size=len(content), data=content)
        assert self.successResultOf(self.fetch(self.worker, sha256, 4)).data == content[4:]
        assert self.successResultOf(self.fetch(self.worker, sha256, 9999)).data == b""

    def test_nobody_else_gets_it(self) -> None:
        """Neither a slave that has no such order, nor any other file."""
        sha256 = self.srpm()
        self.refused(NotFoundError, self.fetch(self.slave("b"), sha256))
        self.refused(NotFoundError, self.fetch(self.worker, "0" * 64))

    def test_the_right_to_it_ends_with_the_order(self) -> None:
        """A slave that has begun to fetch gets nothing more once its attempt is cancelled."""
        sha256 = self.srpm()
        self.successResultOf(self.fetch(self.worker, sha256))
        self.master.cancel(self.number)
        self.refused(NotFoundError, self.fetch(self.worker, sha256))

    def test_an_srpm_that_is_gone(self) -> None:
        """The slave is told so, instead of to try again."""
        order, sha256 = self.order, self.srpm()
        remove_tree(self.master.incoming(order))
        assert "is not there any more" in self.refused(NotFoundError, self.fetch(self.worker, sha256))

    def test_what_is_published_is_what_was_ordered(self) -> None:
        """The repository builder hears which SRPM and which EVR the delivery has to be of."""
        self.worker.make_package(self.delivered())
        published = self.repo.operations[-1].operation
        assert isinstance(published, Publish)
        assert (published.srpm, published.evr) == ("hello-1.0-1.src.rpm", BUILT.evr)

    def test_step_names_are_told(self) -> None:
        """The events of an attempt name its steps, and say which of them failed."""
        answer(self.worker.started(self.order))
        answer(self.worker.step(self.order, 1, StepName.FETCH))
        answer(self.worker.stepped(self.order, 2, StepName.FETCH, ok=False))
        told = answer(self.master.farm.events.since(0, EventFilter(build=self.number)))[-2:]
        assert [(event.kind.value, event.text) for event in told] == [
            ("step_started", "fetch"),
            ("step_finished", "fetch failed"),
        ]
        assert {(event.project, event.job, event.slave) for event in told} == {("hello", "source", "a")}
